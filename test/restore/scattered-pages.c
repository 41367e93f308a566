// More pieces than one look at the page tables tells, more pages than the ring
// holds, and thousands of areas.
// RUN: %clang -fhwckpt -O2 %s -o %t && %python %S/Inputs/come-back --run='-o ring=1' %hwckpt 2 7 %t
// RUN: %python %S/Inputs/come-back --run='-o track=full:ring=1' %hwckpt 2 7 %t
#include "Inputs/come-back.h"
#include <string.h>
#include <sys/mman.h>
enum { PAGE = 4096, PAGES = 12000, AREAS = 6000 };
static char *memory, *areas;
static unsigned char expected[PAGES];
static void fill(int page, int value) {
  memset(memory + (size_t)page * PAGE, value, PAGE);
  expected[page] = (unsigned char)value;
}
static void drop(int page) {
  CHECK(madvise(memory + (size_t)page * PAGE, PAGE, MADV_DONTNEED) == 0);
  expected[page] = 0;
}
static void same(void) {
  for (int page = 0; page < PAGES; page++)
    for (int i = 0; i < PAGE; i += 256)
      CHECK((unsigned char)memory[(size_t)page * PAGE + (size_t)i] ==
            expected[page]);
  for (int area = 0; area < AREAS; area++)
    CHECK(areas[(size_t)area * PAGE] == area % 100);
}
static char *map(size_t pages) {
  char *got = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(got != MAP_FAILED);
  CHECK(madvise(got, pages * PAGE, MADV_NOHUGEPAGE) == 0);
  return got;
}
int main(void) {
  memory = map(PAGES);
  areas = map(AREAS);
  for (int page = 0; page < PAGES; page += 2)
    fill(page, 1 + page % 200);
  for (int area = 0; area < AREAS; area++) {
    areas[(size_t)area * PAGE] = (char)(area % 100);
    if (area % 2)
      CHECK(mprotect(areas + (size_t)area * PAGE, PAGE, PROT_READ) == 0);
  }
  save();
  for (int page = 0; page < PAGES; page += 4)
    fill(page, 7);
  for (int page = 2; page < PAGES; page += 4)
    drop(page);
  die_and_come_back();
  same();
  save();
  for (int page = 1; page < PAGES; page += 2)
    fill(page, 9);
  for (int page = 0; page < PAGES; page += 8)
    drop(page);
  die_and_come_back();
  same();
  return 7;
}
