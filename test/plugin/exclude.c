// hwckpt::exclude: a table entry for each variable that is there, none for
// others, also where a file holds no function.
// RUN: %clang -fhwckpt -std=c23 -O2 -ffunction-sections -fdata-sections -c %s -o %t.o
// RUN: llvm-readelf -SrW %t.o | FileCheck %s
// RUN: %clang -fhwckpt -x c++ -O0 -c %s -o %t.cpp.o
// RUN: llvm-readelf -SrW %t.cpp.o | FileCheck --check-prefix=CXX %s
// RUN: %clang -fhwckpt -O2 -DONLY -c %s -o %t.only.o
// RUN: llvm-readelf -SsW %t.only.o | FileCheck --check-prefix=ONLY %s
//
// Linkers keep an entry exactly with its variable.
// RUN: for ld in bfd lld; do \
// RUN:   %clang -fhwckpt -fuse-ld=$ld -Wl,--gc-sections,-z,start-stop-gc -std=c23 -O2 -fdata-sections -ffunction-sections -DMAIN %s -o %t && %t || exit 1; \
// RUN: done
// RUN: %clang -fhwckpt -fuse-ld=lld -flto -std=c23 -O2 -DMAIN %s -o %t && %t
// RUN: %clang -fhwckpt -fuse-ld=lld -flto=thin -std=c23 -O2 -DMAIN %s -o %t && %t
//
// CHECK-COUNT-3: hwckpt_excluded_table PROGBITS [[#%x,]] [[#%x,]] 000010 00 WAL
// CHECK-NOT:     hwckpt_excluded_table PROGBITS
// CXX:           hwckpt_excluded_table PROGBITS
// ONLY:          hwckpt_excluded_table PROGBITS
// ONLY:          __hwckpt_module_constructor
#ifdef ONLY
[[hwckpt::exclude]] int only = 1;
#else
__attribute__((hwckpt_exclude)) int gnu;
extern int external __attribute__((hwckpt_exclude));
[[hwckpt::exclude]] static int unused[10];
[[hwckpt::exclude]] static int kept[10];
[[maybe_unused]] static int *use(int i) {
  [[hwckpt::exclude]] static int local[100];
  return i ? &local[i] : &kept[1];
}
#ifndef MAIN
int *use_it(int i) { return use(i); }
#else
#include <hwckpt_isa.h>
extern const struct hwckpt_excluded __start_hwckpt_excluded_table[],
    __stop_hwckpt_excluded_table[];
static int found(const void *address, unsigned long length) {
  for (const struct hwckpt_excluded *e = __start_hwckpt_excluded_table;
       e < __stop_hwckpt_excluded_table; e++)
    if (e->address == address && e->length == length)
      return 1;
  return 0;
}
int main(int argc, char **argv) {
  (void)argv;
  if (!found(use(argc) - argc, 400) || !found(use(argc - 1) - 1, 40))
    return 1;
  return 0;
}
#endif
#endif
