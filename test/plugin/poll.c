// __builtin_ckpt_poll(): a site where it stands, in every function and of no
// byte. Loops that pass it need no other.
// RUN: %clang -fhwckpt -O2 -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O0 -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O2 -x c++ -S %s -o - | FileCheck %s
//
// Not taken: an address of a site in the linked program is one of an
// instruction, whatever it was linked with.
// RUN: %clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
// RUN: %clang -fhwckpt -O2 -c %s -o %t.o
// RUN: clang %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck --check-prefix=RAN %s
// RUN: for lto in full thin; do \
// RUN:   %clang -fhwckpt -O2 -flto=$lto -c %s -o %t.o && \
// RUN:   clang -fuse-ld=lld -Wl,--load-pass-plugin=%pass %t.o %t.rt.o -o %t && \
// RUN:   %t 2>&1 | FileCheck --check-prefix=RAN %s || exit 1; \
// RUN: done
// A linker that does not load the pass: no site, and no error.
// RUN: clang -fuse-ld=lld %t.o %t.rt.o -o %t && %t
//
// RUN: %clang -O2 -I%inc -DHEADER -Wall -Wextra -Werror -S %s -o /dev/null
// RUN: %clang -fhwckpt -O2 -DHEADER -Wall -Wextra -Werror -S %s -o /dev/null

#ifdef HEADER
#include <hwckptintrin.h>
#elif !__has_builtin(__builtin_ckpt_poll)
#error not a builtin
#endif

// RAN: modules 1 loop 0 recursion 0 reached 2 saves 0
#ifdef __cplusplus
extern "C" {
#endif

// CHECK-LABEL: loop:
// CHECK-NOT:   hwckpt_sites_loop
// CHECK:       hwckpt_sites_annotated
// CHECK-NOT:   hwckpt_sites_loop
// CHECK-LABEL: nopoll:
void loop(volatile int *p);
__attribute__((noinline)) void loop(volatile int *p) {
  while (*p) {
    __builtin_ckpt_poll();
    --*p;
  }
}

// CHECK:       hwckpt_sites_annotated
// CHECK-LABEL: main:
#ifndef HEADER
__attribute__((hwckpt_nopoll))
#endif
__attribute__((noinline)) void
nopoll(volatile int *p) {
  *p = 1;
  __builtin_ckpt_poll();
  while (*p)
    --*p;
}

int main(void) {
  volatile int n = 3;
  loop(&n);
  nopoll(&n);
  return 0;
}
#ifdef __cplusplus
}
#endif
// CHECK-NOT: __hwckpt_builtin_poll
