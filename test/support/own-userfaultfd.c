// A program with several userfaultfds: with on_unsupported=warn it is
// checkpointed, and what it has in the memory that it registered is copied
// anew each time. They themselves do not come back, which is said.
// RUN: %behaviour %s -o %t
// RUN: %restored -o on_unsupported=warn -- %t 2>&1 | FileCheck %s
// RUN: not %restored -- %t 2>&1 | FileCheck --check-prefix=REFUSED %s
// CHECK: E205{{.*}}userfaultfd
// CHECK: E316{{.*}}userfaultfd
// CHECK: all is there
// REFUSED: E208{{.*}}userfaultfd
#include "behaviour.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
enum { PAGE = 4096, PAGES = 64 };
static int faults;
static char *memory;

static void *serve(void *unused) {
  struct uffd_msg message;
  static char page[PAGE];
  while (read(faults, &message, sizeof message) == sizeof message) {
    unsigned long at = message.arg.pagefault.address & ~(PAGE - 1ul);
    memset(page, 'a' + (int)((at - (unsigned long)memory) / PAGE % 26), PAGE);
    struct uffdio_copy copy = {
        .dst = at, .src = (unsigned long)page, .len = PAGE};
    ioctl(faults, UFFDIO_COPY, &copy);
  }
  return unused;
}

static void expect(int first, int more) {
  for (int i = first; i < PAGES; i += 2)
    for (int k = 0; k < PAGE; k += 511)
      CHECK_EQUAL(memory[i * PAGE + k], 'a' + i % 26 + more);
}

int main(void) {
  struct uffdio_api api = {.api = UFFD_API};
  pthread_t thread;
  faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
  if (faults < 0 || ioctl(faults, UFFDIO_API, &api))
    SKIP("no userfaultfd");
  CHECK(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY) >= 0);
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_register all = {
      {(unsigned long)memory, PAGES * PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
  CHECK_EQUAL(ioctl(faults, UFFDIO_REGISTER, &all), 0);
  CHECK_EQUAL(pthread_create(&thread, NULL, serve, NULL), 0);
  expect(0, 0);
  for (int round = 1; round < 4; round++) {
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    for (int i = 0; i < PAGES; i += 2)
      for (int k = 0; k < PAGE; k++)
        memory[i * PAGE + k]++;
    if (round == 2)
      expect(1, 0);
  }
  die_and_come_back();
  expect(0, 3);
  expect(1, 0);
  dprintf(2, "all is there\n");
  return 0;
}
