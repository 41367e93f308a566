// Anonymous shared memory, written, dropped and never touched.
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back %hwckpt 2 7 %t
// RUN: %by_all %python %S/Inputs/come-back --run='-o track=full' %hwckpt 2 7 %t
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
enum { PAGE = 4096, PAGES = 2000 };
static char *memory;
static char expected[PAGES];
static void fill(int page, int value) {
  memset(memory + page * PAGE, value, PAGE);
  expected[page] = (char)value;
}
static void same(void) {
  for (int i = 0; i < PAGES * PAGE; i++)
    CHECK(memory[i] == expected[i / PAGE]);
}
// Written by another process: not through this one's page table.
static void child_fills(int page, int value) {
  pid_t child = fork();
  if (child == 0) {
    memset(memory + page * PAGE, value, PAGE);
    _exit(0);
  }
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
  expected[page] = (char)value;
}
int main(void) {
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int page = 1; page < PAGES; page += 7)
    fill(page, page % 100);
  child_fills(2, 'c');
  save();
  fill(1, 'x');
  fill(PAGES - 1, 'y');
  child_fills(8, 'd');
  CHECK(madvise(memory + 15 * PAGE, PAGE, MADV_REMOVE) == 0);
  expected[15] = 0;
  die_and_come_back();
  same();
  // It is still shared.
  child_fills(3, 'e');
  same();
  save();
  fill(22, 0);
  child_fills(4, 'f');
  die_and_come_back();
  same();
  return 7;
}
