// Memory that is mapped after the base, in one piece with memory that was
// there, beside it, and in a hole of it.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
static char *memory;
static void prepare(void) {
  memory = map_at(NULL, 64, 0);
  fill(memory, 64, 1);
  CHECK_EQUAL(munmap(memory + 16 * PAGE, 8 * PAGE), 0);
  CHECK_EQUAL(munmap(memory + 48 * PAGE, 16 * PAGE), 0);
}
static void change(void) {
  map_at(memory + 18 * PAGE, 4, MAP_FIXED_NOREPLACE);
  memory[19 * PAGE] = 11;
  map_at(memory + 48 * PAGE, 8, MAP_FIXED_NOREPLACE);
  fill(memory + 50 * PAGE, 2, 20);
}
static void more(void) {
  map_at(memory + 56 * PAGE, 8, MAP_FIXED_NOREPLACE);
  memory[60 * PAGE] = 12;
  memory[49 * PAGE] = 13;
  CHECK_EQUAL(munmap(memory, PAGE), 0);
}
int main(void) {
  STEPS(prepare, change, more);
  expect(memory + PAGE, 15, 2);
  CHECK_EQUAL(memory[19 * PAGE], 11);
  expect_zero(memory + 18 * PAGE, 1);
  expect(memory + 24 * PAGE, 24, 25);
  CHECK_EQUAL(memory[49 * PAGE], 13);
  expect(memory + 50 * PAGE, 2, 20);
  expect_zero(memory + 52 * PAGE, 8);
  CHECK_EQUAL(memory[60 * PAGE], 12);
  CHECK(madvise(memory, PAGE, MADV_NORMAL) < 0 && errno == ENOMEM);
  CHECK(madvise(memory + 16 * PAGE, PAGE, MADV_NORMAL) < 0 && errno == ENOMEM);
  return 0;
}
