// Where the kernel refuses debug registers it is said, once; writes that the
// compiler sees are events all the same, and the record tells how one was seen.
// RUN: %clang -O2 -DCALL=SYS_perf_event_open %S/../Inputs/without-call.c -o %t.without
// RUN: %behaviour %s -o %t && %t.without %t 2>%t.said
// RUN: FileCheck %s <%t.said && grep -c HWCKPT-E %t.said | FileCheck %s --check-prefix=ONCE
// RUN: %hwckpt show | FileCheck %s --check-prefix=SHOW
// CHECK: HWCKPT-E210: {{.*}}: first: perf_event_open (EPERM: not permitted)
// CHECK-NEXT: remedy: writes that the compiler sees
// ONCE: {{^}}1{{$}}
// SHOW: cause second (4 bytes at 0x{{[0-9a-f]+}}), seen by a check
// RUN: HWCKPT_OPTIONS=debug_registers=0 %t.without %t 2>%t.said && count 0 <%t.said
#include "behaviour.h"

__attribute__((hwckpt_watch)) static int first, second;

static void expect_event(unsigned before) {
  double begin = now();
  while (generations() <= before)
    CHECK(now() - begin < 20);
}

int main(void) {
  unsigned before = generations();
  first = 1;
  expect_event(before);
  second = 1;
  expect_event(before + 1);
  return first + second - 2;
}
