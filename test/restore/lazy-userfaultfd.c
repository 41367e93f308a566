// A program that has a userfaultfd of its own is not loaded while it runs: its
// memory is registered before it goes on, and has one place for that. Asked for
// all the same, that is an error.
// RUN: %behaviour -I%S/../resources/Inputs %s -o %t
// RUN: not --crash %hwckpt run %t
// RUN: not %hwckpt restore --lazy 2>&1 | FileCheck %s
// RUN: %hwckpt restore
// CHECK: HWCKPT-E321: {{.*}}it has a userfaultfd of its own
#include "faults.h"

enum { LARGE = 64 << 20 };

int main(void) {
  char *large = malloc(LARGE);
  memset(large, 7, LARGE);
  begin(0, UFFDIO_REGISTER_MODE_MISSING);
  begin_serving();
  CHECK_EQUAL(memory[8 * PAGE], content(8));
  die_and_come_back();
  for (int i = 0; i < LARGE; i += PAGE)
    CHECK_EQUAL(large[i], 7);
  CHECK_EQUAL(memory[8 * PAGE], content(8));
  CHECK_EQUAL(memory[9 * PAGE], content(9));
  CHECK_EQUAL(asked[8] + asked[9], 2);
  return 0;
}
