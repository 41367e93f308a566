// Pages that the program gives back (MADV_DONTNEED) are zero after a restore,
// and those of a file mapped privately are the file's again.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
static char *memory, *file;
static void prepare(void) {
  memory = map_at(NULL, 64, 0);
  fill(memory, 64, 1);
  int fd = open("/proc/self/exe", O_RDONLY);
  file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(file != MAP_FAILED && close(fd) == 0);
  memset(file, 5, 2 * PAGE);
}
static void change(void) {
  CHECK_EQUAL(madvise(memory + 16 * PAGE, 16 * PAGE, MADV_DONTNEED), 0);
  CHECK_EQUAL(madvise(memory + 40 * PAGE, PAGE, MADV_DONTNEED), 0);
  CHECK_EQUAL(madvise(file, PAGE, MADV_DONTNEED), 0);
}
static void again(void) {
  memory[20 * PAGE] = 3;
  CHECK_EQUAL(madvise(memory + 20 * PAGE, PAGE, MADV_DONTNEED), 0);
  memory[21 * PAGE] = 4;
}
int main(void) {
  STEPS(prepare, change, again);
  expect(memory, 16, 1);
  CHECK_EQUAL(memory[21 * PAGE], 4);
  memory[21 * PAGE] = 0;
  expect_zero(memory + 16 * PAGE, 16);
  expect(memory + 32 * PAGE, 8, 33);
  expect_zero(memory + 40 * PAGE, 1);
  expect(memory + 41 * PAGE, 23, 42);
  CHECK(memcmp(file, "\177ELF", 4) == 0);
  CHECK_EQUAL(file[PAGE], 5);
  return 0;
}
