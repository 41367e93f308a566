// hwckpt::site in templates, lambdas, methods and constexpr functions, once in
// each of what is made of them.
// RUN: %clangxx -fhwckpt -std=c++20 -O0 -S -emit-llvm %s -o - | FileCheck %s
// RUN: grep -v RUN: %s >%t.h
// RUN: %clangxx -fhwckpt -std=c++20 -O0 -x c++-header %t.h -o %t.h.pch
// RUN: echo >%t.cpp
// RUN: %clangxx -fhwckpt -std=c++20 -O0 -include %t.h -S -emit-llvm %t.cpp -o - | FileCheck %s
#include <initializer_list>

// CHECK-LABEL: define {{.*}} @_Z3usePVi(
// CHECK-COUNT-1: hwckpt_sites_annotated
// CHECK-NOT:   hwckpt_sites_annotated

// CHECK-LABEL: define {{.*}} @_ZN6MethodC2EPVi(
// CHECK-COUNT-1: hwckpt_sites_annotated
// CHECK-NOT:   hwckpt_sites_annotated
// CHECK-LABEL: define {{.*}} @_ZN6Method3runEPVi(
// CHECK-COUNT-1: hwckpt_sites_annotated
// CHECK-NOT:   hwckpt_sites_annotated
struct Method {
  [[hwckpt::site]] Method(volatile int *p) { *p = 1; }
  void run(volatile int *p) {
    [[hwckpt::site]] while (*p)
      *p = 0;
  }
};

// CHECK-LABEL: define {{.*}} @_Z5twiceIiET_S0_(
// CHECK-COUNT-1: hwckpt_sites_annotated
// CHECK-NOT:   hwckpt_sites_annotated
// CHECK-LABEL: define {{.*}} @_Z5twiceIlET_S0_(
// CHECK-COUNT-1: hwckpt_sites_annotated
// CHECK-NOT:   hwckpt_sites_annotated
template <class T> T twice(T t) {
  [[hwckpt::site]] for (int i : {1, 2})
    t += i;
  return t;
}

// CHECK-LABEL: define {{.*}} @_ZZ3usePViENKUlT_E_clIiEEDaS1_(
// CHECK-COUNT-1: hwckpt_sites_annotated
// CHECK-NOT:   hwckpt_sites_annotated

// CHECK-LABEL: define {{.*}} @_Z4downi(
// CHECK-COUNT-1: hwckpt_sites_annotated
// CHECK-NOT:   hwckpt_sites_annotated
constexpr int down(int n) {
  [[hwckpt::site]] while (n > 3)
    --n;
  return n;
}
static_assert(down(7) == 3);

inline int use(volatile int *p) {
  Method m(p);
  m.run(p);
  auto generic = [](auto x) {
    [[hwckpt::site]] while (x)
      --x;
    return x;
  };
  [[hwckpt::site]] *p = 3;
  return twice(1) + twice(2L) + generic(+*p) + down(*p);
}
static auto *Used = &use;
auto **Keep = &Used;
