// Coroutines have sites, placed after they were split, and can save.
// RUN: clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
// RUN: %clangxx -fhwckpt -std=c++20 -O0 -c %s -o %t.o
// RUN: clang++ %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s
// RUN: %clangxx -fhwckpt -std=c++20 -O2 -c %s -o %t.o
// RUN: clang++ %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s

// CHECK: modules 1 loop {{[1-9]}} recursion {{[0-9]}} reached {{[1-9]}} saves 20
#include <coroutine>

struct Numbers {
  struct promise_type {
    int value;
    Numbers get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int v) {
      value = v;
      return {};
    }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
};

Numbers generate(int n) {
  for (int i = 0; i < n; i++)
    co_yield __builtin_ckpt_save();
}

int main() {
  volatile int n = 20;
  Numbers numbers = generate(n);
  int sum = 0;
  for (numbers.handle.resume(); !numbers.handle.done(); numbers.handle.resume())
    sum += numbers.handle.promise().value;
  numbers.handle.destroy();
  return sum - 140;
}
