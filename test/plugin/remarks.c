// Every choice can be explained, at the place in the source.
// RUN: %clang -fhwckpt -O2 -c %s -o %t.o -Rpass=hwckpt -Rpass-missed=hwckpt -Xclang -verify

int fib(int n) {
  // expected-remark@+2 {{site before recursive call}}
  // expected-remark@+1 {{no site in loop: every iteration passes another}}
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

void spin(volatile int *p) {
  // expected-remark@+1 {{site in loop}}
  while (*p)
    ;
}

void few(volatile int *p) {
#pragma clang loop unroll(disable)
  // expected-remark@+1 {{no site in loop: it ends after at most 9 iterations}}
  for (int i = 0; i < 9; i++)
    *p = i;
}

// expected-remark@+1 {{no sites in bare: it is naked}}
__attribute__((naked)) void bare(void) { __asm__("ret"); }
