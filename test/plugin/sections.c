// A function has one section of sites for each kind, tied to its code.
// RUN: %clang -fhwckpt -O1 -ffunction-sections -c %s -o %t.o
// RUN: llvm-readelf -SW %t.o | FileCheck %s

// CHECK:     [ [[TEXT:[0-9]+]]] .text.both
// CHECK:     hwckpt_sites_loop      PROGBITS [[#]] {{[0-9a-f]+}} 000008 00 AL [[TEXT]] 0 4
// CHECK:     hwckpt_sites_recursion PROGBITS [[#]] {{[0-9a-f]+}} 000004 00 AL [[TEXT]] 0 4
// CHECK-NOT: PROGBITS {{.*}} AL
int both(volatile int *p, int n) {
  while (*p)
    ;
  while (!*p)
    ;
  return n ? both(p, n - 1) + both(p, n / 2) : 1;
}
