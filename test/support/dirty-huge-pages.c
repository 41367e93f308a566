// Huge pages: written in part, split, and given back in part.
// RUN: %behaviour -I%S/Inputs %s -o %t && for options in track=wp track=full huge=1 huge=1:method=cow; do %restored -o $options -- %t || exit 1; done
#include "dirty.h"
enum { HUGE = 512 };
static char *memory;
static void prepare(void) {
  char *all = map_at(NULL, 5 * HUGE, 0);
  size_t size = (size_t)HUGE * PAGE;
  memory = all + (size - (size_t)all % size) % size;
  CHECK_EQUAL(madvise(memory, 4 * size, MADV_HUGEPAGE), 0);
  fill(memory, 4 * HUGE, 1);
}
static void change(void) {
  memory[10 * PAGE] = 101;
  fill(memory + (HUGE + 100) * PAGE, 3, 30);
  CHECK_EQUAL(madvise(memory + 2 * HUGE * PAGE, HUGE * PAGE, MADV_DONTNEED), 0);
  CHECK_EQUAL(madvise(memory + (3 * HUGE + 8) * PAGE, 8 * PAGE, MADV_DONTNEED),
              0);
}
static void again(void) { memory[(3 * HUGE + 20) * PAGE] = 102; }
int main(void) {
  STEPS(prepare, change, again);
  CHECK_EQUAL(memory[10 * PAGE], 101);
  memory[10 * PAGE] = memory[10 * PAGE + 1];
  expect(memory, HUGE + 100, 1);
  expect(memory + (HUGE + 100) * PAGE, 3, 30);
  expect(memory + (HUGE + 103) * PAGE, HUGE - 103, HUGE + 104);
  expect_zero(memory + 2 * HUGE * PAGE, HUGE);
  expect(memory + 3 * HUGE * PAGE, 8, 3 * HUGE + 1);
  expect_zero(memory + (3 * HUGE + 8) * PAGE, 8);
  CHECK_EQUAL(memory[(3 * HUGE + 20) * PAGE], 102);
  expect(memory + (3 * HUGE + 21) * PAGE, HUGE - 21, 3 * HUGE + 22);
  return 0;
}
