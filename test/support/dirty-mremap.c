// Memory that is moved, grown and shrunk by mremap() after a checkpoint.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
static char *moved, *grown, *shrunk, *home;
static void prepare(void) {
  home = map_at(NULL, 64, 0);
  moved = map_at(NULL, 16, 0);
  grown = map_at(NULL, 8, 0);
  shrunk = map_at(NULL, 8, 0);
  fill(moved, 16, 1);
  fill(grown, 8, 40);
  fill(shrunk, 8, 80);
}
static void change(void) {
  // First, so that it does not grow into where the other was.
  grown = mremap(grown, 8 * PAGE, 24 * PAGE, MREMAP_MAYMOVE);
  CHECK(grown != MAP_FAILED);
  memset(grown + 20 * PAGE, 7, PAGE);
  char *to =
      mremap(moved, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, home);
  CHECK(to == home);
  CHECK(mremap(shrunk, 8 * PAGE, 3 * PAGE, 0) == shrunk);
}
static void write_moved(void) { home[3 * PAGE + 5] = 99; }
int main(void) {
  STEPS(prepare, change, write_moved);
  CHECK_EQUAL(home[3 * PAGE + 5], 99);
  home[3 * PAGE + 5] = home[3 * PAGE];
  expect(home, 16, 1);
  expect(grown, 8, 40);
  expect_zero(grown + 8 * PAGE, 12);
  CHECK_EQUAL(grown[20 * PAGE], 7);
  expect(shrunk, 3, 80);
  CHECK(madvise(moved, PAGE, MADV_NORMAL) < 0 && errno == ENOMEM);
  return 0;
}
