// A site is found at its loop's line.
// RUN: %clang -fhwckpt -O2 -g -c %s -o %t.o
// RUN: llvm-objdump -dl --no-show-raw-insn %t.o | FileCheck %s
// No instruction has lost its line.
// RUN: clang -O2 -g -c %s -o %t.plain.o
// RUN: for form in %t %t.plain; do llvm-dwarfdump --debug-line $form.o | grep is_stmt >$form.lines; done
// RUN: not grep -vxFf %t.lines %t.plain.lines

// CHECK-LABEL: <spin>:
// CHECK: debug-lines.c:[[#@LINE+2]]
void spin(volatile int *p) {
  while (*p)
    ;
}
