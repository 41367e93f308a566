// What a pointer, a table of pointers or a virtual function is called by may
// recurse: there is a site that each such call comes after, in machine code and
// on IR. The ends of the recursion, and a function that cannot recurse, have
// none.
// RUN: %clangxx -fhwckpt -O2 -c %s -o %t.o -Rpass=hwckpt 2>&1 | FileCheck --check-prefix=REMARK %s
// RUN: clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
// RUN: clang++ %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s
// RUN: %clangxx -fhwckpt -O0 -c %s -o %t.o && clang++ %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s
// RUN: %clangxx -fhwckpt -fhwckpt-hook=insn -O2 -c %s -o %t.o && clang++ %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s
// CHECK: modules 1 loop 0 recursion 3 reached 3 saves 0

extern "C" int (*const volatile table[])(int);

// REMARK: pointer-recursion.cpp:[[#@LINE+2]]:{{[0-9]+}}: remark: site before call through a pointer, which may recurse
__attribute__((noinline)) int by_table(int n) {
  return n ? table[n & 1](n - 1) + 1 : 0;
}
int (*const volatile table[])(int) = {by_table, by_table};

typedef int (*step)(void *next, int n);
// REMARK: pointer-recursion.cpp:[[#@LINE+2]]:{{[0-9]+}}: remark: site before call through a pointer, which may recurse
__attribute__((noinline)) int by_argument(void *next, int n) {
  return n ? reinterpret_cast<step>(next)(next, n - 1) + 1 : 0;
}

struct Walker {
  // REMARK: pointer-recursion.cpp:[[#@LINE+1]]:{{[0-9]+}}: remark: site before call through a pointer, which may recurse
  virtual int walk(int n) { return n ? next->walk(n - 1) + 1 : 0; }
  Walker *volatile next = this;
};

// REMARK-NOT: remark
__attribute__((noinline)) int leaf(int n) { return n * 3; }

int main() {
  static Walker walker;
  volatile int n = 5;
  return by_table(n) + walker.next->walk(n) +
         by_argument(reinterpret_cast<void *>(&by_argument), n) + leaf(n) - 30;
}
