// A shared object has a table of its own. It works with and without a runtime
// in the program, and can be unloaded. The call of a pointer has a site too.
// RUN: clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
// RUN: %clang -fhwckpt -O2 -c %s -o %t.o
// RUN: %clang -fhwckpt -O2 -fPIC -shared -DLIBRARY %s -o %t.so
// RUN: clang -rdynamic %t.o %t.rt.o -ldl -o %t && %t %t.so 7 2>&1 | FileCheck %s
// RUN: clang %t.o -ldl -o %t && %t %t.so -38 2>&1 | count 0
// RUN: %clang -fhwckpt -fuse-ld=lld -O2 -fPIC -shared -DLIBRARY %s -o %t.so
// RUN: clang -fuse-ld=lld -rdynamic %t.o %t.rt.o -ldl -o %t && %t %t.so 7 2>&1 | FileCheck %s

// CHECK: modules 2 loop 2 recursion 1 reached 3 saves 2
#include <dlfcn.h>
#include <stdlib.h>

__attribute__((visibility("hidden"), noinline)) int loop(volatile int *p) {
  while (*p)
    --*p;
  return __builtin_ckpt_save();
}

#ifdef LIBRARY
int entry(volatile int *p) { return loop(p); }
#else
int main(int argc, char **argv) {
  volatile int n = argc, m = argc;
  void *library = dlopen(argv[1], RTLD_NOW);
  if (!library)
    return 1;
  int (*entry)(volatile int *) =
      (int (*)(volatile int *))dlsym(library, "entry");
  int expected = atoi(argv[2]);
  if (entry(&n) != expected || loop(&m) != expected)
    return 2;
  return dlclose(library);
}
#endif
