// hwckpt_checkpoint(), from code that is not compiled with -fhwckpt: 0 when the
// checkpoint was taken, n when the program comes back for the n-th time.
// RUN: %behaviour -DMAIN -c %s -o %t.main.o && %behaviour -fno-hwckpt -I%inc -c %s -o %t.plain.o && %behaviour %t.main.o %t.plain.o -o %t
// RUN: llvm-readelf -S %t.plain.o | not grep hwckpt
// RUN: %hwckpt run -- %t || test $? = 137
// RUN: for n in 1 2; do %hwckpt restore || test $? = 137 || exit 1; done
// RUN: %hwckpt restore | FileCheck %s
// CHECK: back 3
#include "behaviour.h"
int plain(void);
#ifdef MAIN
int main(void) {
  int times = plain();
  CHECK(times >= 0);
  if (times < 3)
    die();
  printf("back %d\n", times);
  return 0;
}
#else
int plain(void) { return hwckpt_checkpoint(); }
#endif
