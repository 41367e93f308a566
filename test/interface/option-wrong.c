// A wrong option ends the program before it begins, with status 125 and an
// error that names it.
// RUN: %behaviour %s -o %t
// RUN: for o in evry=1s every=soon keep=0 track=some weight=0 weight=1000001; do HWCKPT_OPTIONS=$o %t 2>&1; echo status $?; done | FileCheck %s --implicit-check-not=begun
// CHECK: HWCKPT-E201: {{.*}}: evry:
// CHECK: status 125
// CHECK: HWCKPT-E201: {{.*}}: every:
// CHECK: status 125
// CHECK: HWCKPT-E201: {{.*}}: keep:
// CHECK: status 125
// CHECK: HWCKPT-E201: {{.*}}: track:
// CHECK: status 125
// CHECK: HWCKPT-E201: {{.*}}: weight: it is '0', expected 1 to 1000000
// CHECK: status 125
// CHECK: HWCKPT-E201: {{.*}}: weight: it is '1000001', expected 1 to 1000000
// CHECK: status 125
#include <stdio.h>
__attribute__((constructor)) static void early(void) { puts("begun early"); }
int main(void) {
  puts("begun");
  return 0;
}
