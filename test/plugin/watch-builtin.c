// __builtin_ckpt_watch becomes a call of hwckpt_watch() where there is one, and
// -ENOSYS elsewhere: a builtin, there without a declaration, in C and C++.
// RUN: %clang -fhwckpt -O1 -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O0 -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O1 -x c++ -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O1 -DHEADER -Wall -Werror -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -E %s -o %t.i && %clang -fhwckpt -c %t.i -o %t.o
// RUN: llvm-nm %t.o | grep ' w hwckpt_watch$'
// RUN: %clang -fhwckpt -fsyntax-only -DWRONG -Xclang -verify %s
// It links and runs without the runtime, also as a header alone.
// RUN: %clang -fhwckpt -DMAIN -c %s -o %t.o && clang %t.o -o %t && %t
// RUN: clang -I%inc -Wall -Werror -DHEADER -DMAIN %s -o %t && %t
#ifdef HEADER
#include <hwckpt.h>
#elif !__has_builtin(__builtin_ckpt_watch)
#error not a builtin
#endif

#ifdef __cplusplus
extern "C" {
#endif
int watch(void *p, unsigned long n);
// CHECK-LABEL: define {{.*}}i32 @watch(
// CHECK: icmp {{eq|ne}} ptr @hwckpt_watch, null
// CHECK: call i32 @hwckpt_watch(ptr {{.*}}, i64
// CHECK: phi i32 {{.*}}-38
int watch(void *p, unsigned long n) { return __builtin_ckpt_watch(p, n); }
#ifdef __cplusplus
}
#endif
// CHECK: declare extern_weak {{.*}}i32 @hwckpt_watch(ptr
// CHECK-NOT: @__hwckpt_builtin_watch

#ifdef MAIN
int main(void) { return watch(&(int){0}, 4) != -38; }
#endif

#ifdef WRONG
// expected-error@+1 {{too few arguments to function call, expected 2, have 1}}
int few(void *p) { return __builtin_ckpt_watch(p); }
// expected-error@+1 {{incompatible integer to pointer conversion}}
int type(void) { return __builtin_ckpt_watch(3, 4); }
#endif
