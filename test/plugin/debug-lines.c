// A site is found at its loop's line.
// RUN: %clang -fhwckpt -O2 -g -c %s -o %t.o
// RUN: llvm-objdump -dl --no-show-raw-insn %t.o | FileCheck %s

// CHECK-LABEL: <spin>:
// CHECK: debug-lines.c:[[#@LINE+2]]
void spin(volatile int *p) {
  while (*p)
    ;
}
