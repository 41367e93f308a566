// #pragma hwckpt site regions in whatever function: a lambda (what it has of
// the function around it, but copies that are constant, counts too), a method
// of a class in a function, a constexpr function, a macro. Where it cannot be,
// it is an error, and where it would have no effect a warning.
// RUN: %clangxx -fhwckpt -std=c++17 -O2 -Wall -Werror %s -o %t
// RUN: %clangxx -fhwckpt -std=c++20 -O0 -Wall -Werror %s -o %t.o0
// RUN: %t >%t.whole
// RUN: ulimit -c 0; for set in lambda method constant macro global; do for program in %t %t.o0; do rm -rf $HWCKPT_CACHE/*; (env DIE=$set $program >%t.1 2>&1; test $? = 134) && not grep hwckpt %t.1 && $program >%t.out 2>&1 && cmp %t.whole %t.out && ls $HWCKPT_CACHE | grep "[.]$set$" || exit 1; %hwckpt show $(ls $HWCKPT_CACHE | grep "[.]lambda$") >%t.show; %hwckpt show $(ls $HWCKPT_CACHE | grep "[.]macro$") >%t.constant; done; done
// RUN: FileCheck %s --input-file=%t.show
// CHECK-DAG: {{^  sum +}}int64[1], 8 B
// CHECK-DAG: {{^  changed +}}int32[1], 4 B
// CHECK-DAG: {{^  inner +}}int32[1], 4 B
// CHECK-DAG: {{^  parameter +}}int32[1], 4 B
// CHECK-DAG: {{^  ::count +}}int64[1], 8 B
// RUN: grep sum %t.constant && not grep kept %t.constant
// RUN: %clangxx -fhwckpt -std=c++17 -DWRONG -fsyntax-only -Xclang -verify=wrong %s
// RUN: %clang -fhwckpt -xc -DBLOCK -fblocks -fsyntax-only -Xclang -verify=block %s
#include <hwckptintrin.h>
#ifdef BLOCK
// block-warning@+2 {{'#pragma hwckpt site regions' has no effect here}}
int (^block)(int) = ^(int n) {
#pragma hwckpt site regions(block)
  for (int i = 0; i < 3; i++)
    n += i;
  return n;
};
#elif defined(WRONG)
struct Wrong {
  int operator+(int n) {
    // wrong-error@+1 {{needs the name of a set here}}
#pragma hwckpt site regions
    for (int i = 0; i < 3; i++)
      n += i;
    return n;
  }
};
auto generic = [](auto n) {
// wrong-error@+1 {{cannot be in a template}}
#pragma hwckpt site regions(generic)
  for (int i = 0; i < 3; i++)
    n += i;
  return n;
};
template <class T> T of(T n) {
  // wrong-error@+1 {{cannot be in a template}}
#pragma hwckpt site regions(of)
  for (int i = 0; i < 3; i++)
    n += i;
  return n;
}
#else
#include <cstdio>
#include <cstdlib>
#include <cstring>

static long count;

static void turn(const char *set, int step) {
  if (hwckpt_region_save(set) < 0)
    exit(1);
  const char *die = getenv("DIE");
  if (die && !strcmp(die, set) && step == 5)
    abort();
}

static long lambda() {
  long sum = 0;
  int changed = 0;
  auto body = [&sum, changed](int parameter) mutable {
    int inner = 0;
#pragma hwckpt site regions(lambda)
    for (int step = 0; step < 10; step++) {
      turn("lambda", step);
      sum += step;
      changed += 2;
      inner += parameter++;
      count++;
    }
    return changed + inner;
  };
  long of_body = body(1);
  return of_body + sum;
}

static int method() {
  struct Local {
    static int run() {
      int sum = 0;
#pragma hwckpt site regions(method)
      for (int step = 0; step < 10; step++) {
        turn("method", step);
        sum += step;
      }
      return sum;
    }
  };
  return Local::run();
}

static constexpr int constant(int n) {
  int sum = 0;
#pragma hwckpt site regions(constant)
  for (int step = 0; step < 10; step++) {
    if (n < 0)
      turn("constant", step);
    sum += step;
  }
  return sum;
}
static_assert(constant(1) == 45, "");

#define REGIONS(set) _Pragma("hwckpt site regions(macro)")
#define EACH(i) for (int i = 0; i < 10; i++)

static int macro() {
  int kept = atoi("3");
  auto body = [kept] {
    int sum = 0;
    REGIONS(macro)
    EACH(step) {
      turn("macro", step);
      sum += step * kept;
    }
    return sum;
  };
  return body();
}

static int global = [] {
  int sum = 0;
#pragma hwckpt site regions(global)
  for (int step = 0; step < 10; step++) {
    turn("global", step);
    sum += step;
  }
  return sum;
}();

int main() {
  long of_lambda = lambda();
  printf("%ld %d %d %d %d %ld\n", of_lambda, method(), constant(-1), macro(),
         global, count);
}
#endif
