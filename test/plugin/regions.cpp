// #pragma hwckpt site regions in C++: a function that is defined in its class
// is described once; what is in the object, behind references and in classes
// with pointers is a warning, as is a range-based for, which begins anew.
// Structured bindings are saved with what they name.
// RUN: %clangxx -fhwckpt -O2 %s -o %t -Xclang -verify && %clangxx -fhwckpt -O0 %s -o %t -Xclang -verify
// RUN: rm -rf $HWCKPT_CACHE/* && %t >%t.whole && rm -rf $HWCKPT_CACHE/*
// RUN: ulimit -c 0; (env DIE=1 %t >%t.1 2>&1; test $? = 134) && not grep hwckpt %t.1 && %t >%t.out 2>&1 && cmp %t.whole %t.out
// RUN: %hwckpt show $(ls $HWCKPT_CACHE | grep work) | FileCheck %s
// CHECK-DAG: {{^  local +}}int32[1], 4 B
// CHECK-DAG: {{^  one\+two +}}bytes[16], 16 B
// CHECK-DAG: {{^  array +}}bytes[12], 12 B
// CHECK-DAG: {{^  base +}}bytes[16], 16 B
// CHECK-DAG: {{^  step +}}int32[1], 4 B
// CHECK-DAG: {{^  ::Solver::shared +}}int32[1], 4 B
// CHECK-DAG: {{^  ::inner::count +}}int64[1], 8 B
// CHECK-DAG: {{^  ::of_template +}}int32[1], 4 B
// RUN: %hwckpt show $(ls $HWCKPT_CACHE | grep own) | FileCheck --check-prefix=OWN %s
// OWN: {{^  grid +}}double[4], 32 B
#include <array>
#include <cstdio>
#include <cstdlib>
#include <hwckptintrin.h>
#include <vector>

struct Pair {
  int one;
  double two;
};
struct Base {
  int b = 1;
};
struct Derived : Base {
  double d = 1;
};
namespace inner {
static long count;
}
template <class T> static T of_template = T(1);

struct Counted {
  int number = 0;
  Counted() = default;
  Counted(const Counted &other) : number(other.number + 1) {}
};

class Solver {
  double grid[4] = {};
  static inline int shared = 0;

public:
  int steps() {
    int local = 0, &refers = local;
    std::vector<int> list(3);
    std::array<int, 3> array{};
    Derived base;
    Counted counted;
    auto [one, two] = Pair{1, 2};
    // expected-warning@+5 {{'counted' is of a class that cannot be copied as bytes; it is not saved}}
    // expected-warning@+4 {{'list' holds pointers; it is not saved}}
    // expected-warning@+3 {{'refers' is a reference; what it refers to is not saved}}
    // expected-warning@+2 {{'this' is a pointer; what it points to is not saved}}
    // expected-warning@+1 {{variables that 'later' uses are not seen}}
#pragma hwckpt site regions(work)
    for (int step = 0; step < 10; step++) {
      if (hwckpt_region_save("work") < 0)
        return 1;
      if (getenv("DIE") && step == 5)
        abort();
      local++;
      one += step;
      two += step;
      array[step % 3]++;
      base.b++;
      base.d++;
      shared++;
      inner::count++;
      of_template<int> ++;
      refers += 0;
      list[0]++;
      counted.number = 0;
      grid[0] = 0;
      later();
    }
    return printf("%d %d %g %d %d %g %d %ld %d\n", local, one, two, array[0],
                  base.b, base.d, shared, inner::count, of_template<int>) < 0;
  }
  int own() {
    hwckpt_region("own", "grid", grid, 4, HWCKPT_DOUBLE);
#pragma hwckpt site regions(own)
    for (int step = 0; step < 10; step++) {
      if (hwckpt_region_save("own") < 0)
        return 1;
      grid[step % 4] += step;
    }
    return 0;
  }
  void later();
};
void Solver::later() {}

static int range() {
  int items[3] = {1, 2, 3};
  long sum = 0;
// expected-warning@+1 {{where a range-based 'for' is, is not saved; it begins anew}}
#pragma hwckpt site regions(range)
  for (int item : items)
    sum += item;
  return sum != 6;
}

int main() {
  Solver solver;
  return solver.own() | solver.steps() | range();
}
