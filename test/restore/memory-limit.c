// A restore under a limit of memory (ulimit -v) that the program does not fit
// into is refused, with what is to be raised; it can be restored without.
// RUN: %behaviour %s -o %t && bash %S/../tools/Inputs/status 137 %hwckpt run --name app -- %t
// RUN: (ulimit -v 40000 && bash %S/../tools/Inputs/status 125 %hwckpt restore app) 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: HWCKPT-E317: not enough memory to restore:
// RUN: (ulimit -v 100000 && bash %S/../tools/Inputs/status 125 %hwckpt restore app) 2>&1 | FileCheck %s --check-prefix=SOME
// SOME: HWCKPT-E305: memory cannot be put at its address:
// SOME-NEXT: remedy: check ulimit -v
// RUN: bash %S/../tools/Inputs/status 3 %hwckpt restore app
#include "behaviour.h"

int main(void) {
  size_t size = 64 << 20;
  char *memory = malloc(size);
  CHECK(memory);
  memset(memory, 1, size);
  die_and_come_back();
  return memory[size - 1] == 1 ? 3 : 1;
}
