// #pragma hwckpt site regions describes what a loop needs, and loads it: a
// program that dies goes on in its middle. What it cannot describe is a
// warning.
// RUN: %clang -fhwckpt -O2 %s -o %t -Xclang -verify && %clang -fhwckpt -O0 -xc++ %s -o %t2 -Xclang -verify
// RUN: %t >%t.whole && rm -rf $HWCKPT_CACHE/*
// RUN: ulimit -c 0; (%t x >%t.1; test $? = 134) && %t >%t.out && cmp %t.whole %t.out
// RUN: %hwckpt show $(ls $HWCKPT_CACHE | grep work) | FileCheck %s
// CHECK: regions of the set work, little endian
// CHECK-DAG: {{^  step +}}int32[1], 4 B
// CHECK-DAG: {{^  ::grid +}}double[6], 48 B
// CHECK-DAG: {{^  sum +}}int64[1], 8 B
// CHECK-DAG: {{^  both +}}bytes[16], 16 B
// CHECK-DAG: {{^  ::reached +}}uint16[1], 2 B
// CHECK-DAG: {{^  calls +}}int32[1], 4 B
// CHECK-DAG: {{^  outer +}}int32[1], 4 B
// RUN: %hwckpt show $(ls $HWCKPT_CACHE | grep work) | not grep -E 'not_needed|before_only|argc|own|constant|ended'
// RUN: not %clang -fhwckpt -DBARE -fsyntax-only %s 2>&1 | grep -c "needs '#include <hwckptintrin.h>'"
#ifdef BARE
int main(void) {
#pragma hwckpt site regions
  for (int i = 0; i < 3; i++)
    ;
}
#else
#include <hwckptintrin.h>
#include <stdio.h>
#include <stdlib.h>

static double grid[2][3], *hidden, room[4];
static unsigned short reached;
static long not_needed;
static const int constant = 7;
void later(void);
static void reach(int depth) {
  reached++;
  hidden = 0;
  if (depth)
    reach(depth - 1);
}

int main(int argc, char **argv) {
  static int calls;
  long sum = 0, before_only = argc;
  struct {
    int a;
    double b;
  } both = {1, 2};
  double *own = room;
  not_needed = before_only;
  {
    int ended = 3;
    sum += ended;
  }
  hwckpt_region("work", "room", own, 4, HWCKPT_DOUBLE);
  for (int outer = 0; outer < 2; outer++) {
// expected-warning@+2 {{'hidden' is a pointer; what it points to is not saved}}
// expected-warning@+1 {{variables that 'later' uses are not seen}}
#pragma hwckpt site regions(work)
    for (int step = 0; step < 6; step++) {
      if (hwckpt_region_save("work") < 0)
        return 1;
      if (argc > 1 && outer == 1 && step == 3)
        abort();
      grid[step / 3][step % 3] += step;
      sum += step * constant;
      both.a++;
      own[step % 4] += step;
      reach(2);
      later();
      calls++;
    }
  }
  printf("%ld %d %d %d %g %g\n", sum, both.a, reached, calls, grid[1][2],
         room[3]);
  return argv[0] == 0;
}

void later(void) {}
#endif
