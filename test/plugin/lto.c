// With link-time optimisation lld places the sites, once, after it optimised.
// DEFINE: %{link} = clang -fuse-ld=lld -Wl,--load-pass-plugin=%pass %t.o %t.other.o %t.rt.o -o %t
// DEFINE: %{run} = %t 2>&1 | FileCheck %s
// RUN: %clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
//
// RUN: %clang -fhwckpt -O2 -flto -c %s -o %t.o
// RUN: %clang -fhwckpt -O2 -flto -DOTHER -c %s -o %t.other.o
// RUN: llvm-dis %t.o -o - | FileCheck --check-prefix=BITCODE %s
// RUN: %{link} && %{run}
// RUN: %{link} -Wl,--lto-O0 && %{run}
// RUN: %{link} -Wl,--lto-partitions=2 && %{run}
//
// RUN: %clang -fhwckpt -O2 -flto=thin -c %s -o %t.o
// RUN: %clang -fhwckpt -O2 -flto=thin -DOTHER -c %s -o %t.other.o
// RUN: llvm-dis %t.o -o - | FileCheck --check-prefix=BITCODE %s
// RUN: %{link} && %{run}
//
// Objects with code and with bitcode together.
// RUN: %clang -fhwckpt -O2 -DOTHER -c %s -o %t.other.o
// RUN: %{link} && %{run}
//
// Some not optimised, so that they have their sites from the start.
// RUN: %clang -fhwckpt -O0 -flto -c %s -o %t.o
// RUN: %clang -fhwckpt -O2 -flto -DOTHER -c %s -o %t.other.o
// RUN: %{link} && %{run}
// RUN: %clang -fhwckpt -O0 -flto=thin -c %s -o %t.o
// RUN: %clang -fhwckpt -O0 -flto=thin -DOTHER -c %s -o %t.other.o
// RUN: %{link} -O0 && %{run}

// BITCODE-NOT: hwckpt_sites
// CHECK: modules 1 loop {{[1-9]}} recursion {{[01]}} reached {{[2-9]}} saves 1
int other(volatile int *p);

#ifdef OTHER
int other(volatile int *p) {
  int n = 0;
  while (*p) {
    --*p;
    n++;
  }
  return n;
}
#else
int main(void) {
  volatile int n = 100;
  int sum = 0;
  for (int i = 0; i < 1000; i++)
    sum += other(&n);
  return __builtin_ckpt_save() - 7 + (sum == 0);
}
#endif
