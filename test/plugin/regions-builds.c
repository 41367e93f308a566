// What a build saved at #pragma hwckpt site regions, another build loads:
// optimised, position independent, its variables in another order. A variable
// that has another size or type there is an error that names it, and nothing
// is overwritten.
// RUN: rm -rf $HWCKPT_CACHE/* %t.builds && mkdir %t.builds
// RUN: %clang -fhwckpt -O0 -fno-pie -no-pie %s -o %t.builds/saves
// RUN: %clang -fhwckpt -O2 -fPIE -pie -DOTHER %s -o %t.builds/loads
// RUN: %clang -fhwckpt -O2 -DOTHER -DCOLUMNS=4 %s -o %t.builds/larger
// RUN: %clang -fhwckpt -O2 -DOTHER -DREACHED=int %s -o %t.builds/wider
// RUN: %t.builds/loads >%t.whole && rm -rf $HWCKPT_CACHE/*
// RUN: cp %t.builds/saves %t.builds/app
// RUN: ulimit -c 0 && %t.builds/app x; test $? = 134
// RUN: cp -f %t.builds/larger %t.builds/app && not %t.builds/app 2>%t.said
// RUN: grep -q 'HWCKPT-E361: .*: work/::grid: it had 6 elements, and has 8$' %t.said
// RUN: cp -f %t.builds/wider %t.builds/app && not %t.builds/app 2>%t.said
// RUN: grep -Eq 'HWCKPT-E361: .*: work/::reached: its elements were of type [0-9]+, and are of type [0-9]+$' %t.said
// RUN: cp -f %t.builds/loads %t.builds/app && %t.builds/app >%t.out
// RUN: head -n 1 %t.whole | grep -cx 'step 0' && head -n 1 %t.out | grep -cx 'step 3'
// RUN: tail -n 4 %t.whole | cmp - %t.out
#include <hwckptintrin.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef COLUMNS
#define COLUMNS 3
#endif
#ifndef REACHED
#define REACHED unsigned short
#endif
#ifdef OTHER
char padding[12345] = "p";
REACHED reached = 1;
double grid[2][COLUMNS] = {{1}};
#else
double grid[2][COLUMNS] = {{1}};
REACHED reached = 1;
#endif

int main(int argc, char **argv) {
  long sum = 0;
#pragma hwckpt site regions(work)
  for (int step = 0; step < 6; step++) {
    if (hwckpt_region_save("work") < 0)
      return 3;
    printf("step %d\n", step);
    if (argc > 1 && step == 3)
      abort();
    grid[step / 3][step % 3] += step;
    sum += step * 7L;
    reached++;
  }
  printf("%ld %d %g %g\n", sum, reached, grid[0][2], grid[1][2]);
  return argv[0] == 0;
}
