// One thread that computes.
// RUN: %clang -fhwckpt -O2 %s -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
// RUN: %clang -fhwckpt -O0 %s -o %t.O0 -DROUNDS=12 && rm -rf $HWCKPT_CACHE && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir --kills 2 -- %t.O0
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 20
#endif
static unsigned long table[1 << 14];
int main(void) {
  unsigned long x = 1;
  for (int round = 0; round < ROUNDS; round++) {
    for (long i = 0; i < 40000000; i++) {
      x = (x * 6364136223846793005UL + 1442695040888963407UL) ^ (x >> 17);
      table[x >> 50] += x;
    }
    printf("%d %lx %lx\n", round, x, table[round]);
    if (round % 3 == 0)
      fflush(stdout);
  }
  return 3;
}
