// setjmp and longjmp.
// RUN: %clang -fhwckpt -O2 %s -o %t && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
#include <setjmp.h>
#include <stdio.h>
static jmp_buf top;
__attribute__((noinline)) static void down(unsigned long depth,
                                           unsigned long x) {
  if (depth == 0)
    longjmp(top, (int)(x >> 40 & 0xffff) + 1);
  down(depth - 1, x * 31 + depth);
  __asm__ volatile("" ::: "memory");
}
int main(void) {
  static volatile unsigned long sum, turn;
  for (turn = 0; turn < 24000000; turn++) {
    int came = setjmp(top);
    if (!came)
      down(turn % 50 + 1, sum);
    sum = sum * 6364136223846793005UL + (unsigned long)came;
    if (turn % 1000000 == 0)
      printf("%lu %lx\n", turn, sum);
  }
  printf("%lx\n", sum);
  return 4;
}
