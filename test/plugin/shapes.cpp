// Loops that clean up after exceptions, catch and try again, and destroy
// arrays, as the compiler makes them: no cycle is without a site.
// RUN: for level in 0 1 2 3; do \
// RUN:   clang++ -O$level -S -emit-llvm %s -o %t.ll && \
// RUN:   %opt -load-pass-plugin=%pass -hwckpt-short-loop=0 -passes=hwckpt,verify -S %t.ll | %python %S/Inputs/cycles.py || exit 1; \
// RUN: done
// RUN: %clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
// RUN: for level in 0 2; do \
// RUN:   %clangxx -fhwckpt -O$level -c %s -o %t.o && clang++ %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s || exit 1; \
// RUN: done
// CHECK: modules 1 loop {{([4-9]|[1-9][0-9])}} recursion 0 reached {{([4-9]|[1-9][0-9])}} saves 0
#include <cstdlib>

static volatile int alive, limit;

struct Part {
  Part() {
    if (alive == limit)
      throw 1;
    alive = alive + 1;
  }
  ~Part() { alive = alive - 1; }
};

// Those made before the one that throws are destroyed in a loop.
__attribute__((noinline)) Part *several(int n) { return new Part[n]; }

__attribute__((noinline)) int again() {
  for (int tries = 1;; tries++) {
    try {
      delete[] several(100);
      return tries;
    } catch (int) {
      limit = limit + 30;
    }
  }
}

struct Drains {
  volatile int &left;
  ~Drains() {
    while (left)
      left = left - 1;
  }
};

__attribute__((noinline)) int cleanup(volatile int &left) {
  Drains drains{left};
  Part local[10];
  throw static_cast<int>(left);
}

int main() {
  if (again() < 3 || alive)
    std::abort();
  volatile int left = 50;
  try {
    cleanup(left);
  } catch (int) {
  }
  if (left || alive)
    std::abort();
}
