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

__attribute__((hwckpt_site)) int marked(volatile int *p) {
  // expected-remark@-1 {{site that the source asks for}}
  int n = *p ? marked(p + 1) : 1;
  // expected-remark@-1 {{no site before recursive call: another is passed before}}
  return n * marked(p + n) + *p;
}

__attribute__((noinline)) static void polls(volatile int *p) {
  // expected-remark@+1 {{site in loop}}
  do
    *p = 1;
  while (*p);
}

void calls(volatile int *p) {
  // expected-remark@+1 {{no site in loop: every iteration calls polls, which passes one}}
  while (*p)
    polls(p);
}

void irreducible(volatile int *p) {
  if (*p)
    goto middle;
  for (;;) {
    *p = 1; // expected-remark {{site in loop}}
  middle:
    if (*p == 2)
      return;
  }
}

// expected-remark@+1 {{no sites in quiet: it is marked hwckpt-nopoll}}
__attribute__((hwckpt_nopoll)) void quiet(volatile int *p) {
  while (*p)
    ;
}

void inlines(volatile int *p) {
  // expected-remark@-5 {{no site in loop: it is inlined from a function without sites}}
  quiet(p);
}
