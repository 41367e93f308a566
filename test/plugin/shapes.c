// Control flow that is out of the ordinary: computed goto, asm goto, functions
// that do not return, ifuncs, tail calls, goto into a loop, vectorised loops
// with their remainders. No cycle is without a site, before and after
// optimisation, and the sites are at instructions that run.
// RUN: for level in 0 1 2 3; do \
// RUN:   clang -O$level -march=x86-64-v3 -S -emit-llvm %s -o %t.ll && \
// RUN:   %opt -load-pass-plugin=%pass -hwckpt-short-loop=0 -passes=hwckpt,verify -S %t.ll | %python %S/Inputs/cycles.py || exit 1; \
// RUN: done
// RUN: %clang -c -O2 -I%inc %S/Inputs/arming.c -o %t.rt.o
// RUN: for level in 0 1 2 3; do \
// RUN:   %clang -fhwckpt -O$level -c %s -o %t.o && clang %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s || exit 1; \
// RUN:   %clang -fhwckpt -O$level -fno-integrated-as -c %s -o %t.o && clang -fuse-ld=lld %t.o %t.rt.o -o %t && %t 2>&1 | FileCheck %s || exit 1; \
// RUN: done
// CHECK: modules 1 loop {{([7-9]|[1-9][0-9])}} recursion {{[1-9]}} reached {{([7-9]|[1-9][0-9])}} saves 0
#include <setjmp.h>
#include <stdlib.h>

static jmp_buf back;

__attribute__((noinline)) long computed(const unsigned char *pc, long a) {
  static const void *const operations[] = {&&more, &&twice, &&again, &&halt};
  goto *operations[*pc++];
more:
  a++;
  goto *operations[*pc++];
twice:
  a *= 2;
  goto *operations[*pc++];
again:
  pc = a < 100 ? pc - 3 : pc;
  goto *operations[*pc++];
halt:
  return a;
}

__attribute__((noinline)) int asm_goto(volatile int *p) {
  int n = 0;
again:
  n++;
  --*p;
  asm goto("cmpl $0, %0\n\tjne %l1" : : "m"(*p) : "cc" : again);
  return n;
}

__attribute__((noinline, noreturn)) void no_return(volatile int *p) {
  for (;;)
    if (--*p == 0)
      longjmp(back, 1);
}

__attribute__((noinline)) int into_loop(volatile int *p, int n) {
  if (n & 1)
    goto middle;
  do {
    --*p;
  middle:
    n++;
  } while (*p);
  return n;
}

__attribute__((noinline)) void vectorised(int *restrict a, const int *b,
                                          long n) {
  for (long i = 0; i < n; i++)
    a[i] += b[i] * 3;
}

static int step(volatile int *p);
__attribute__((noinline)) static int other_step(volatile int *p) {
  return *p ? step(p) : 3;
}
__attribute__((noinline)) static int step(volatile int *p) {
  --*p;
#ifdef __clang__
  __attribute__((musttail))
#endif
  return other_step(p);
}

static int chosen_one(volatile int *p) {
  int n = 0;
  while (*p) {
    --*p;
    n++;
  }
  return n;
}
// Runs before the program is relocated, and before a site could be armed.
static int (*choose(void))(volatile int *) { return chosen_one; }
int chosen(volatile int *p) __attribute__((ifunc("choose")));

int main(void) {
  static const unsigned char program[] = {1, 0, 2, 3};
  static int a[1003], b[1003];
  volatile int n = 20;
  long result = computed(program, 1) < 100;
  result += asm_goto(&n) != 20;
  n = 20;
  if (!setjmp(back))
    no_return(&n);
  n = 20;
  result += into_loop(&n, 1) < 10;
  for (volatile int i = 0; i < 1003; i++)
    b[i] = i;
  vectorised(a, b, 1003);
  result += a[1002] != 3006;
  n = 20;
  result += step(&n) != 3;
  n = 20;
  result += chosen(&n) != 20;
  if (result)
    abort();
  return 0;
}
