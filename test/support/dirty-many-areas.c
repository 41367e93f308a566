// Thousands of small areas, which are scanned many at a time: what is written
// in some, dropped across the ends of others, or new between them is in the
// delta, and of the rest what was there.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
#include <stdbool.h>
enum { AREAS = 3000, PAGES = 2 };
static char *memory;
/* Neighbours differ in what they may do, so none becomes one with another. */
static int protection(int i) {
  return i % 3 == 0 ? PROT_READ | PROT_WRITE | PROT_EXEC
                    : PROT_READ | PROT_WRITE;
}
static char *area(int i) { return memory + (size_t)i * PAGES * PAGE; }
static void protect(int i) {
  int locked = i % 3 == 2 ? PROT_READ : protection(i);
  CHECK_EQUAL(mprotect(area(i), PAGES * PAGE, locked), 0);
}
static void prepare(void) {
  memory = map_at(NULL, AREAS * PAGES, 0);
  for (int i = 0; i < AREAS; i++) {
    fill(area(i), PAGES, i);
    protect(i);
  }
}
static void nothing(void) {}
static void change(void) {
  for (int i = 0; i < AREAS; i++)
    if (i % 7 == 0 && i % 3 != 2)
      fill(area(i) + PAGE, 1, i + 100);
  /* The second page of one, and the first of the next. */
  for (int i = 1000; i < 1100; i += 10)
    CHECK_EQUAL(madvise(area(i) + PAGE, 2 * PAGE, MADV_DONTNEED), 0);
  for (int i = 2000; i < 2100; i += 10) { /* new */
    CHECK_EQUAL(munmap(area(i), PAGES * PAGE), 0);
    map_at(area(i), PAGES, MAP_FIXED);
    fill(area(i) + PAGE, 1, i + 50);
    protect(i);
  }
  CHECK_EQUAL(munmap(area(2500), 5 * PAGES * PAGE), 0);
}
static int is_dropped(int i) { /* from its second page on, or its first */
  return i < 1000 || i >= 1100 ? 0 : i % 10 == 0 ? 1 : i % 10 == 1 ? -1 : 0;
}
static void check(int i) {
  bool first_there = is_dropped(i) >= 0, second_there = is_dropped(i) <= 0;
  bool is_new = i >= 2000 && i < 2100 && i % 10 == 0;
  bool written = i % 7 == 0 && i % 3 != 2;
  if (first_there && !is_new)
    expect(area(i), 1, i);
  else
    expect_zero(area(i), 1);
  if (!second_there)
    expect_zero(area(i) + PAGE, 1);
  else
    expect(area(i) + PAGE, 1, is_new ? i + 50 : written ? i + 100 : i + 1);
}
int main(void) {
  STEPS(prepare, nothing, change);
  for (int i = 0; i < AREAS; i++)
    if (i < 2500 || i >= 2505)
      check(i);
  return 0;
}
