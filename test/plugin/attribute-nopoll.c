// hwckpt::nopoll, in every spelling: no site in the function, and none in what
// is inlined from it.
// RUN: %clang -fhwckpt -std=c23 -O0 -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -std=c17 -O2 -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -std=gnu89 -O2 -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -x c++ -O2 -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O2 -flto -c %s -o %t.o
// RUN: %opt -load-pass-plugin=%pass -passes='lto<O2>' -S %t.o -o - | FileCheck %s
// Nothing is left of it that would keep a function alive.
// RUN: %clang -fhwckpt -O2 -S -emit-llvm %s -o - | FileCheck --check-prefix=IR %s
// IR-NOT: annotations
// IR: "hwckpt-nopoll"

#if !__has_attribute(hwckpt_nopoll) || !__has_attribute(__hwckpt_nopoll__)
#error not known
#endif

// CHECK-NOT: Lhwckpt_site
__attribute__((hwckpt_nopoll)) void gnu(volatile int *p) {
  while (*p)
    ;
}

[[hwckpt::nopoll]] void standard(volatile int *p) {
  while (*p)
    ;
}

__attribute__((__hwckpt_nopoll__)) static inline void in(volatile int *p) {
  while (*p)
    ;
}
void around(volatile int *p) { in(p); }

// The definition has what a declaration says.
void declared(volatile int *p) __attribute__((hwckpt_nopoll));
void declared(volatile int *p) {
  while (*p)
    ;
}
