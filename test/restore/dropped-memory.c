// MADV_DONTNEED and munmap() with mmap() at the same place, between
// checkpoints: what was there is gone.
// RUN: %clang -fhwckpt -O2 %s -o %t && %by_all %python %S/Inputs/come-back %hwckpt 2 7 %t
// RUN: %by_all %python %S/Inputs/come-back --run='-o track=full' %hwckpt 2 7 %t
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, PAGES = 32 };
static char *memory;
static char expected[PAGES];
static void fill(int page, int value) {
  memset(memory + page * PAGE, value, PAGE);
  expected[page] = (char)value;
}
static void drop(int page) {
  CHECK(madvise(memory + page * PAGE, PAGE, MADV_DONTNEED) == 0);
  expected[page] = 0;
}
static void anew(int page, int pages) {
  CHECK(munmap(memory + page * PAGE, (size_t)pages * PAGE) == 0);
  CHECK(mmap(memory + page * PAGE, (size_t)pages * PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == memory + page * PAGE);
  memset(expected + page, 0, (size_t)pages);
}
static void same(void) {
  for (int i = 0; i < PAGES * PAGE; i++)
    CHECK(memory[i] == expected[i / PAGE]);
}
int main(void) {
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int page = 0; page < PAGES; page++)
    fill(page, 'a' + page % 20);
  save();
  drop(0);
  drop(1);
  CHECK(((volatile char *)memory)[PAGE] == 0); // now the zero page
  drop(2);
  fill(2, 'x');
  fill(3, 0);
  anew(8, 4);
  fill(9, 'y');
  save();
  same();
  drop(2);
  drop(9);
  anew(10, 1);
  die_and_come_back();
  same();
  save();
  fill(20, 0);
  drop(21);
  anew(16, 16);
  fill(31, 'z');
  save();
  drop(31);
  fill(30, 'z');
  fill(0, 'x');
  save();
  die_and_come_back();
  same();
  return 7;
}
