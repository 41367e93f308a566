// Where output and messages go to one file, a message of hwckpt stands behind
// what a restored program has written, also when that went on farther than
// hwckpt had been itself.
// RUN: %clang -fhwckpt -O2 -I%inc %s -o %t
// RUN: %hwckpt run --restart=on-failure:2 --name log -- %t >%t.log 2>&1 || test $? = 3
// RUN: head -n 400 %t.log | diff - <(seq -f 'step %%g' 400)
// RUN: tail -n +401 %t.log | FileCheck --match-full-lines --implicit-check-not=step %s
// CHECK: hwckpt: log failed {{.*}} given up
#include <hwckptintrin.h>
#include <stdio.h>

int main(void) {
  int last = 20;
  for (int i = 1; i <= last; i++) {
    printf("step %d\n", i);
    fflush(stdout);
    if (i == 10 && __builtin_ckpt_save() > 1)
      last = 400;
  }
  return 3;
}
