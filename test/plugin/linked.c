// The table is found and right however the program is linked: each of its
// entries is an instruction, and the loops that ran were seen to run.
// RUN: %clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
//
// RUN: %clang -fhwckpt -O2 -fPIE -c %s -o %t.o
// RUN: clang %t.o %t.rt.o -o %t.pie && %t.pie 2>&1 | FileCheck %s
// RUN: clang -no-pie %t.o %t.rt.o -o %t.exe && %t.exe 2>&1 | FileCheck %s
// RUN: clang -static %t.o %t.rt.o -o %t.static && %t.static 2>&1 | FileCheck %s
// RUN: clang -static-pie %t.o %t.rt.o -o %t.static-pie && %t.static-pie 2>&1 | FileCheck %s
// RUN: clang -fuse-ld=lld %t.o %t.rt.o -o %t.lld && %t.lld 2>&1 | FileCheck %s
// RUN: clang -fuse-ld=lld -static-pie %t.o %t.rt.o -o %t.lld && %t.lld 2>&1 | FileCheck %s
// RUN: clang -fuse-ld=lld -Wl,--icf=all %t.o %t.rt.o -o %t.lld && %t.lld 2>&1 | FileCheck %s
// RUN: clang -r %t.o -o %t.r.o && clang %t.r.o %t.rt.o -o %t.r && %t.r 2>&1 | FileCheck %s
//
// The other assembler, the other syntax, sections for all, no optimisation.
// RUN: %clang -fhwckpt -O2 -fno-integrated-as -c %s -o %t.gas.o
// RUN: clang %t.gas.o %t.rt.o -o %t.gas && %t.gas 2>&1 | FileCheck %s
// RUN: %clang -fhwckpt -O2 -masm=intel -fcf-protection=full -c %s -o %t.intel.o
// RUN: clang %t.intel.o %t.rt.o -o %t.intel && %t.intel 2>&1 | FileCheck %s
// RUN: %clang -fhwckpt -O2 -g -ffunction-sections -fbasic-block-sections=all -c %s -o %t.bb.o
// RUN: clang %t.bb.o %t.rt.o -o %t.bb && %t.bb 2>&1 | FileCheck %s
// RUN: %clang -fhwckpt -O0 -c %s -o %t.O0.o
// RUN: clang %t.O0.o %t.rt.o -o %t.O0 && %t.O0 2>&1 | FileCheck %s

// CHECK: modules 1 loop {{[2-9]}} recursion 1 reached {{[3-9]}} saves 1
__attribute__((noinline)) int spin(volatile int *p) {
  int n = 0;
  while (*p) {
    --*p;
    n++;
  }
  return n;
}

__attribute__((noinline)) int depth(int n) {
  return n ? depth(n - 1) * 2 + depth(n / 2) : 1;
}

__attribute__((noinline)) int interpret(const char *pc) {
  static const void *const operations[] = {&&more, &&less, &&halt};
  int a = 0;
  goto *operations[*pc++ - '0'];
more:
  a++;
  goto *operations[*pc++ - '0'];
less:
  a--;
  goto *operations[*pc++ - '0'];
halt:
  return a;
}

int main(int argc, char **argv) {
  volatile int n = 100;
  (void)argv;
  int sum = spin(&n) + depth(10) + interpret("00102");
  for (int i = 0; i < argc * 1000; i++)
    sum += spin(&n);
  return __builtin_ckpt_save() - 7 + (sum == 0);
}
