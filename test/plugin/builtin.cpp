// In C++ the builtin works in templates, lambdas and destructors, does not
// throw, and does not take the name ckpt_save from the program.
// RUN: %clangxx -fhwckpt -std=c++20 -O1 -S -emit-llvm %s -o - | FileCheck %s

static_assert(noexcept(__builtin_ckpt_save()));

int ckpt_save() { return 3; }

template <class T> T add(T t) { return t + __builtin_ckpt_save(); }
struct Last {
  ~Last() { ckpt_save(); }
};

// CHECK-LABEL: define {{.*}} @_Z3usev(
// CHECK-NOT:     invoke
// CHECK-COUNT-3: asm sideeffect {{.*}}0xb9
// CHECK-NOT:     asm
// CHECK:       {{^}}}
int use() {
  Last last;
  auto lambda = [] { return ::__builtin_ckpt_save(); };
  return add(1) + lambda() + __builtin_ckpt_save();
}

// CHECK-NOT: @__hwckpt_builtin_save
// CHECK-NOT: {{@ckpt_save\(}}
