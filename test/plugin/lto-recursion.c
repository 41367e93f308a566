// Recursion through two translation units is seen when they are linked as IR;
// ThinLTO sees it where what is called is brought over; where it is not, there
// is a site before each call that leaves the module. Nothing else loops here.
// DEFINE: %{link} = clang -O2 -fuse-ld=lld -Wl,--load-pass-plugin=%pass %t.o %t.other.o %t.rt.o -o %t
// RUN: %clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
// RUN: for lto in full thin; do \
// RUN:   %clang -fhwckpt -O2 -flto=$lto -c %s -o %t.o && \
// RUN:   %clang -fhwckpt -O2 -flto=$lto -DOTHER -c %s -o %t.other.o && \
// RUN:   %{link} && %t 2>&1 | FileCheck %s || exit 1; \
// RUN: done
// RUN: %{link} -Wl,-mllvm,-import-instr-limit=0 && %t 2>&1 | FileCheck --check-prefix=CALLS %s
// RUN: %clang -fhwckpt -O2 -c %s -o %t.o
// RUN: %clang -fhwckpt -O2 -DOTHER -c %s -o %t.other.o
// RUN: %{link} && %t 2>&1 | FileCheck --check-prefix=APART %s
// CHECK: modules 1 loop 0 recursion {{[1-9]}} reached {{[1-9]}} saves 0
// CALLS: modules 1 loop 0 recursion {{[2-9]}} reached {{[2-9]}} saves 0
// APART: modules 1 loop 0 recursion 0 reached 0 saves 0
int even(volatile int *p, int n);
int odd(volatile int *p, int n);

#ifdef OTHER
int odd(volatile int *p, int n) {
  *p = n;
  return n ? even(p, n - 1) + *p : 0;
}
#else
int even(volatile int *p, int n) {
  *p = n + 1;
  return n ? odd(p, n - 1) + *p : 1;
}
int main(void) {
  volatile int v = 7;
  return even(&v, v) < 0;
}
#endif
