// A page that several checkpoints have in common is on flash once. When it is
// damaged, `hwckpt verify` says which checkpoints that hits, though their own
// files are whole, and which whole one is the newest; `hwckpt restore` says so
// as well and goes to that one.
// RUN: %clang -fhwckpt -O2 %s -o %t
// RUN: %python %S/Inputs/shared-damage %hwckpt %t
#include "Inputs/come-back.h"

#include <string.h>

enum { PAGES = 256, PAGE = 4096 };

static _Alignas(PAGE) volatile unsigned first[PAGES][PAGE / sizeof(unsigned)];
static _Alignas(PAGE) volatile unsigned second[PAGES][PAGE / sizeof(unsigned)];
static unsigned state = 1;

static unsigned next(void) {
  state = state * 1664525 + 1013904223;
  return state ^ state >> 15;
}

/* No two pages are the same; the script looks for the mark. */
static void fill(volatile unsigned (*pages)[PAGE / sizeof(unsigned)],
                 unsigned mark) {
  for (unsigned page = 0; page < PAGES; page++) {
    for (unsigned i = 0; i < PAGE / sizeof(unsigned); i++)
      pages[page][i] = next();
    pages[page][0] = pages[page][1] = mark;
  }
}

int main(void) {
  fill(first, 0x31313131);
  if (save())
    return 7;
  fill(second, 0x32323232);
  for (unsigned round = 0; round < 3; round++) {
    first[round][9] = round;
    CHECK(save() == 0);
  }
  kill(getpid(), SIGKILL);
}
