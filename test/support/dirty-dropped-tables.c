// Memory that is given back by whole page tables: in a checkpoint with rounds
// before the stop, and in one without, which goes by what is known from before.
// RUN: %behaviour -I%S/Inputs %s -o %t && for method in auto stop; do %restored -o method=$method -- %t || exit 1; done
// RUN: %restored -- %t huge
// RUN: for method in auto cow; do %restored -o huge=1:method=$method -- %t huge || exit 1; done
#include "dirty.h"
enum { TABLE = 512, TABLES = 48, ALL = TABLE * TABLES };
static char *memory;
static int huge;
static void drop(int table, int tables) {
  CHECK_EQUAL(madvise(memory + (size_t)table * TABLE * PAGE,
                      (size_t)tables * TABLE * PAGE, MADV_DONTNEED),
              0);
}
static void prepare(void) {
  size_t size = (size_t)TABLE * PAGE;
  char *all = map_at(NULL, ALL + TABLE, 0);
  memory = all + (size - (size_t)all % size) % size;
  CHECK_EQUAL(madvise(memory, ALL * (size_t)PAGE,
                      huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE),
              0);
  fill(memory, ALL, 1);
}
static void drop_some(void) { drop(1, 2); }
static void little(void) { memory[PAGE] = 7; }
static void drop_more(void) {
  drop(4, 1);
  drop(8, 9);
  memory[9 * (size_t)TABLE * PAGE + 5 * PAGE] = 9;
}
int main(int count, char **arguments) {
  (void)arguments;
  huge = count > 1;
  STEPS(prepare, drop_some, little, drop_more);
  expect(memory, 1, 1);
  CHECK_EQUAL(memory[PAGE], 7);
  expect(memory + 2 * PAGE, TABLE - 2, 3);
  expect_zero(memory + (size_t)TABLE * PAGE, 2 * TABLE);
  expect(memory + 3 * (size_t)TABLE * PAGE, TABLE, 3 * TABLE + 1);
  expect_zero(memory + 4 * (size_t)TABLE * PAGE, TABLE);
  expect(memory + 5 * (size_t)TABLE * PAGE, 3 * TABLE, 5 * TABLE + 1);
  CHECK_EQUAL(memory[9 * (size_t)TABLE * PAGE + 5 * PAGE], 9);
  memory[9 * (size_t)TABLE * PAGE + 5 * PAGE] = 0;
  expect_zero(memory + 8 * (size_t)TABLE * PAGE, 9 * TABLE);
  expect(memory + 17 * (size_t)TABLE * PAGE, (TABLES - 17) * TABLE,
         17 * TABLE + 1);
  return 0;
}
