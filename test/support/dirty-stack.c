// The stack grows and shrinks between checkpoints, and can grow after a
// restore.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
static volatile char *deepest;
static __attribute__((noinline)) long deep(int levels, int save) {
  volatile char frame[PAGE];
  memset((char *)frame, levels % 120 + 1, PAGE);
  deepest = frame;
  if (levels == 0) {
    if (save)
      CHECK_EQUAL(__builtin_ckpt_save(), 0);
    return 0;
  }
  long below = deep(levels - 1, save);
  for (int i = 0; i < PAGE; i += 100)
    CHECK_EQUAL(frame[i], levels % 120 + 1);
  return below + frame[5];
}
static __attribute__((noinline)) long deep_and_back(int levels) {
  volatile char frame[PAGE];
  memset((char *)frame, levels % 120 + 1, PAGE);
  if (levels == 0) {
    die_and_come_back();
    return 0;
  }
  long below = deep_and_back(levels - 1);
  for (int i = 0; i < PAGE; i += 100)
    CHECK_EQUAL(frame[i], levels % 120 + 1);
  return below + frame[5];
}
int main(void) {
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  long expected = deep(300, 1);
  CHECK_EQUAL(deep(10, 1), 10 * 11 / 2 + 10);
  CHECK_EQUAL(deep_and_back(300), expected);
  CHECK(deep(900, 1) > expected);
  return 0;
}
