// Memory that is unmapped and mapped anew at the same address after a
// checkpoint begins as zero, not as what was there.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
static char *memory;
static void prepare(void) {
  memory = map_at(NULL, 32, 0);
  fill(memory, 32, 1);
}
static void change(void) {
  CHECK_EQUAL(munmap(memory + 8 * PAGE, 16 * PAGE), 0);
  CHECK(map_at(memory + 8 * PAGE, 16, MAP_FIXED_NOREPLACE) ==
        memory + 8 * PAGE);
  fill(memory + 10 * PAGE, 2, 100);
}
static void over(void) { map_at(memory + 28 * PAGE, 4, MAP_FIXED); }
int main(void) {
  STEPS(prepare, change, over);
  expect(memory, 8, 1);
  expect_zero(memory + 8 * PAGE, 2);
  expect(memory + 10 * PAGE, 2, 100);
  expect_zero(memory + 12 * PAGE, 12);
  expect(memory + 24 * PAGE, 4, 25);
  expect_zero(memory + 28 * PAGE, 4);
  return 0;
}
