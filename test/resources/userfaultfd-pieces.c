// Of memory that is there in more pieces than the kernel lists at a time (512)
// each is kept once: those that were given are there, the others are asked for.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

enum { PAGE = 4096, PAGES = 1030 };

/* 0 or errno. */
static int give(int faults, char *page) {
  struct uffdio_zeropage zeros = {{(unsigned long)page, PAGE}, 0, 0};
  return ioctl(faults, UFFDIO_ZEROPAGE, &zeros) == 0 ? 0 : errno;
}

int main(void) {
  long faults = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
  struct uffdio_api api = {.api = UFFD_API};
  if (faults < 0)
    SKIP("no userfaultfd");
  CHECK_EQUAL(ioctl((int)faults, UFFDIO_API, &api), 0);
  char *memory = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  struct uffdio_register all = {
      {(unsigned long)memory, PAGES * PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
  CHECK_EQUAL(ioctl((int)faults, UFFDIO_REGISTER, &all), 0);
  for (int i = 0; i < PAGES; i += 2)
    CHECK_EQUAL(give((int)faults, memory + i * PAGE), 0);
  die_and_come_back();
  for (int i = 0; i < PAGES; i++) {
    CHECK_EQUAL(give((int)faults, memory + i * PAGE), i % 2 ? 0 : EEXIST);
    CHECK_EQUAL(memory[i * PAGE], 0);
  }
  return 0;
}
