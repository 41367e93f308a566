// __builtin_ckpt_save is a builtin: there without a declaration, typed, and
// named in diagnostics as any other.
// RUN: %clang -fhwckpt -O0 -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O2 -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O2 -std=gnu89 -ffreestanding -fno-builtin -Werror -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O2 -x c++ -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -O2 -fmodules -S -emit-llvm %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -fsyntax-only -DWRONG -Xclang -verify %s
// RUN: not %clang -c %s -o %t.o 2>&1 | FileCheck --check-prefix=WITHOUT %s

#if !__has_builtin(__builtin_ckpt_save) || !__has_builtin(__builtin_ckpt_load)
#error not a builtin
#endif
#if __HWCKPT__ != 1
#error not predefined
#endif
// WITHOUT: error: not a builtin
// WITHOUT: error: not predefined

#ifdef __cplusplus
extern "C" {
#endif
int save(void);
int redeclared(void);
int load(void);

// CHECK-LABEL: define {{.*}}i32 @save(
// CHECK: asm sideeffect {{.*}}0xb9
int save(void) { return __builtin_ckpt_save(); }

// CHECK-LABEL: define {{.*}}i32 @load(
// CHECK: asm sideeffect {{.*}}0xb9
int load(void) { return __builtin_ckpt_load(); }

int __builtin_ckpt_save(void);
// CHECK-LABEL: define {{.*}}i32 @redeclared(
// CHECK: asm sideeffect {{.*}}0xb9
int redeclared(void) { return __builtin_ckpt_save(); }
#ifdef __cplusplus
}
#endif

#ifdef WRONG
// expected-error@+1 {{too many arguments to function call, expected 0, have 1}}
int arguments(void) { return __builtin_ckpt_save(1); }
// expected-error@+1 {{builtin functions must be directly called}}
void *address(void) { return __builtin_ckpt_save; }
// expected-error@+1 {{incompatible integer to pointer conversion}}
char *type(void) { return __builtin_ckpt_save(); }
// expected-error@+1 {{too many arguments to function call, expected 0, have 1}}
int load_arguments(void) { return __builtin_ckpt_load(1); }
// expected-error@+1 {{builtin functions must be directly called}}
void *load_address(void) { return __builtin_ckpt_load; }
// expected-error@+1 {{incompatible integer to pointer conversion}}
char *load_type(void) { return __builtin_ckpt_load(); }
#endif

// CHECK-NOT: @__hwckpt_builtin_{{save|load}}
