// hwckpt::watch: a table entry for each variable that is there, and a check
// behind each write that can be seen, exactly one.
// RUN: %clang -fhwckpt -std=c23 -O2 -ffunction-sections -fdata-sections -c %s -o %t.o
// RUN: llvm-readelf -SrW %t.o | FileCheck --check-prefix=TABLE %s
// RUN: %clang -fhwckpt -std=c23 -O0 -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -std=c23 -O2 -S %s -o - | FileCheck %s
// RUN: %clang -fhwckpt -x c++ -O2 -S %s -o - | FileCheck %s
// What was bitcode has its checks already, and gets no second.
// RUN: %clang -fhwckpt -std=c23 -O2 -flto -c %s -o %t.bc && %opt -load-pass-plugin=%pass '-passes=default<O2>' -S %t.bc -o %t.ll && llc -relocation-model=pic %t.ll -o - | FileCheck %s
//
// RUN: %clang -fhwckpt -std=c23 -O2 -Rpass=hwckpt -c %s -o /dev/null 2>&1 | FileCheck --check-prefix=REMARK %s
//
// Linkers keep an entry exactly with its variable; without a runtime the
// program does what it does.
// RUN: for ld in bfd lld; do \
// RUN:   %clang -fhwckpt -fuse-ld=$ld -Wl,--gc-sections,-z,start-stop-gc -std=c23 -O2 -fdata-sections -ffunction-sections -DMAIN %s -o %t && %t || exit 1; \
// RUN: done
// RUN: for lto in full thin; do \
// RUN:   %clang -fhwckpt -fuse-ld=lld -flto=$lto -std=c23 -O2 -DMAIN %s -o %t && %t || exit 1; \
// RUN: done
//
// TABLE-COUNT-4: hwckpt_watched_table PROGBITS [[#%x,]] [[#%x,]] 000018 00 WAL
// TABLE-NOT:     hwckpt_watched_table PROGBITS
#ifdef __cplusplus
extern "C" {
#endif
extern int external __attribute__((hwckpt_watch)); // not defined: no entry
extern int declared __attribute__((hwckpt_watch));
int declared;
__attribute__((hwckpt_watch)) long gnu;
[[hwckpt::watch]] static int unused[10];
struct wide {
  long fields[3];
};
[[hwckpt::watch]] struct wide wide;
void callee(long *);
int reader(const long *) __attribute__((pure));

// CHECK-LABEL: store:
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_written_check
// CHECK-NOT:   {{(call|jmp).*}}__hwckpt_watch
// CHECK-LABEL: store_end:
// REMARK:      remark: check of a write to gnu
void store(long value);
void store(long value) { gnu = value; }
void store_end(void);
void store_end(void) {}

// One of two: which is known when it runs.
// CHECK-LABEL: either:
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_written_check
// CHECK-NOT:   {{(call|jmp).*}}__hwckpt_watch
// CHECK-LABEL: either_end:
void either(int which);
void either(int which) { *(which ? &gnu : &wide.fields[1]) = 3; }
void either_end(void);
void either_end(void) {}

// CHECK-LABEL: twice:
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_written_check
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_written_check
// CHECK-NOT:   {{(call|jmp).*}}__hwckpt_watch
// CHECK-LABEL: twice_end:
void twice(void);
void twice(void) {
  gnu = 1;
  gnu = 2;
}
void twice_end(void);
void twice_end(void) {}

// CHECK-LABEL: atomic:
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_written_check
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_before_check
// CHECK:       cmpxchg
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_after_check
// CHECK-NOT:   {{(call|jmp).*}}__hwckpt_watch
// CHECK-LABEL: atomic_end:
int atomic(long value);
int atomic(long value) {
  __atomic_fetch_add(&gnu, value, __ATOMIC_RELAXED);
  return __sync_bool_compare_and_swap(&gnu, value, 3);
}
void atomic_end(void);
void atomic_end(void) {}

// CHECK-LABEL: copy:
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_written_check
// CHECK-NOT:   {{(call|jmp).*}}__hwckpt_watch
// CHECK-LABEL: copy_end:
void copy(const struct wide *from);
void copy(const struct wide *from) { wide = *from; }
void copy_end(void);
void copy_end(void) {}

// CHECK-LABEL: pass:
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_before_check
// CHECK:       call{{.*}}callee
// CHECK:       {{(call|jmp).*}}__hwckpt_watch_after_check
// CHECK-NOT:   {{(call|jmp).*}}__hwckpt_watch
// CHECK-LABEL: pass_end:
// REMARK:      remark: check whether this call writes to gnu
void pass(void);
void pass(void) {
  callee(&gnu);
  external = reader(&gnu);
}
void pass_end(void);
void pass_end(void) {}

// CHECK-LABEL: other:
// CHECK-NOT:   {{(call|jmp).*}}__hwckpt_watch
// CHECK-LABEL: other_end:
long other(long *p);
long other(long *p) {
  *p = gnu + wide.fields[1];
  return external;
}
void other_end(void);
void other_end(void) {}

#ifndef MAIN
int *use(int i);
int *use(int i) { return &unused[i]; }
#endif
#ifdef __cplusplus
}
#endif

#ifdef MAIN
#include <hwckpt_isa.h>
#include <string.h>
extern const struct hwckpt_watched __start_hwckpt_watched_table[],
    __stop_hwckpt_watched_table[];
int external;
void callee(long *p) { *p = 9; }
int reader(const long *p) { return (int)*p; }
static const char *name_of(const void *address, unsigned long length) {
  for (const struct hwckpt_watched *e = __start_hwckpt_watched_table;
       e < __stop_hwckpt_watched_table; e++)
    if (e->address == address && e->length == length)
      return e->name;
  return "";
}
int main(void) {
  struct wide from = {{1, 2, 3}};
  store(7);
  copy(&from);
  if (gnu != 7 || wide.fields[2] != 3)
    return 1;
  pass();
  if (gnu != 9 || atomic(1) || gnu != 10)
    return 2;
  return strcmp(name_of(&gnu, 8), "gnu") || strcmp(name_of(&wide, 24), "wide");
}
#endif
