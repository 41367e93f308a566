// Functions of which the linker keeps one keep their sites, the others lose
// theirs; a program of many files registers once.
// DEFINE: %{objects} = %t.1.o %t.2.o %t.rt.o -o %t
// RUN: clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
// RUN: %clangxx -fhwckpt -O2 -ffunction-sections -c %s -o %t.1.o
// RUN: %clangxx -fhwckpt -O2 -ffunction-sections -DMAIN -c %s -o %t.2.o
// RUN: clang++ %{objects} && %t 2>&1 | FileCheck %s
// RUN: clang++ -fuse-ld=lld %{objects} && %t 2>&1 | FileCheck %s
// RUN: clang++ -r %t.1.o %t.2.o -o %t.r.o
// RUN: clang++ -fuse-ld=lld %t.r.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s
//
// What is not called goes with its sites. GNU ld keeps what a table refers to
// unless it is told otherwise; then at least nothing breaks.
// RUN: clang++ -fuse-ld=lld -Wl,--gc-sections %{objects} && %t 2>&1 | FileCheck --check-prefix=COLLECTED %s
// RUN: clang++ -fuse-ld=bfd -Wl,--gc-sections %{objects} && %t 2>&1 | FileCheck %s
// RUN: clang++ -fuse-ld=bfd -Wl,--gc-sections,-z,start-stop-gc %{objects} && %t 2>&1 | FileCheck --check-prefix=COLLECTED %s
//
// The same from the other assembler.
// RUN: %clangxx -fhwckpt -O2 -fno-integrated-as -ffunction-sections -c %s -o %t.1.o
// RUN: clang++ -fuse-ld=lld %{objects} && %t 2>&1 | FileCheck %s
// RUN: clang++ -fuse-ld=bfd %{objects} && %t 2>&1 | FileCheck %s

// CHECK: modules 1 loop 2 recursion 0 reached 1 saves 0
// COLLECTED: modules 1 loop 1 recursion 0 reached 1 saves 0
template <class T> __attribute__((noinline)) T spin(volatile T *p) {
  while (*p)
    --*p;
  return *p;
}

#ifdef MAIN
int spin_elsewhere(volatile int *p);
int main() {
  volatile int n = 10, m = 10;
  return spin(&n) + spin_elsewhere(&m);
}
#else
int spin_elsewhere(volatile int *p) { return spin(p); }
void not_called(volatile int *p) {
  while (*p)
    ++*p;
}
#endif
