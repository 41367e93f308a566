// Code that is made while the program runs: in memory that is made executable
// afterwards, and in one file mapped twice, to write and to run.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/mman.h>
/* mov $value, %eax; ret */
static void make(unsigned char *at, int value) {
  at[0] = 0xb8;
  memcpy(at + 1, &value, sizeof value);
  at[5] = 0xc3;
}
static int call(void *at) { return ((int (*)(void))at)(); }
int main(void) {
  unsigned char *one = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(one != MAP_FAILED);
  make(one, 1);
  make(one + 4096, 2);
  CHECK(mprotect(one, 4096, PROT_READ | PROT_EXEC) == 0);
  CHECK(mprotect(one + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
  int fd = memfd_create("code", MFD_CLOEXEC);
  CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
  unsigned char *writes =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  void *runs = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  CHECK(writes != MAP_FAILED && runs != MAP_FAILED && close(fd) == 0);
  make(writes, 3);
  CHECK(call(one) == 1 && call(one + 4096) == 2 && call(runs) == 3);
  CHECK(came_back() == 0);
  make(one + 4096, 20);
  make(writes, 30);
  die_and_come_back();
  CHECK(call(one) == 1 && call(one + 4096) == 20 && call(runs) == 30);
  make(one + 4096, 200);
  make(writes, 300);
  CHECK(call(one + 4096) == 200 && call(runs) == 300);
  return 0;
}
