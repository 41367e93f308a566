// The break is moved up and down between checkpoints; new pages of it are zero.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
static char *start;
static void prepare(void) {
  start = sbrk(0);
  start += (PAGE - (size_t)start % PAGE) % PAGE;
  CHECK_EQUAL(brk(start + 32 * PAGE), 0);
  fill(start, 32, 1);
}
static void shrink(void) { CHECK_EQUAL(brk(start + 8 * PAGE), 0); }
static void grow(void) {
  CHECK_EQUAL(brk(start + 48 * PAGE), 0);
  fill(start + 40 * PAGE, 4, 90);
}
int main(void) {
  STEPS(prepare, shrink, grow);
  CHECK(sbrk(0) == start + 48 * PAGE);
  expect(start, 8, 1);
  expect_zero(start + 8 * PAGE, 32);
  expect(start + 40 * PAGE, 4, 90);
  expect_zero(start + 44 * PAGE, 4);
  CHECK_EQUAL(brk(start + 64 * PAGE), 0);
  expect_zero(start + 48 * PAGE, 16);
  return 0;
}
