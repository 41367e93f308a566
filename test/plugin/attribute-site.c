// hwckpt::site and #pragma hwckpt site: a site that is always there, in each
// iteration of a loop, in front of another statement, at the start of a
// function. Where each is, the remarks tell.
// RUN: %clang -fhwckpt -std=c23 -O0 -Rpass=hwckpt -Xclang -verify -c %s -o %t.o
// RUN: %clang -fhwckpt -std=c17 -O1 -Rpass=hwckpt -Xclang -verify -c %s -o %t.o
// RUN: %clang -fhwckpt -std=gnu89 -O1 -Rpass=hwckpt -Xclang -verify -c %s -o %t.o
// RUN: %clang -fhwckpt -x c++ -O1 -Rpass=hwckpt -Xclang -verify -c %s -o %t.o
// Preprocessed first it is the same.
// RUN: %clang -fhwckpt -O1 -E %s -o %t.i
// RUN: %clang -fhwckpt -O1 -Rpass=hwckpt -c %t.i -o %t.o 2>%t.remarks
// RUN: grep -c 'site that the source asks for' %t.remarks | grep -x 11
// The table has them as annotated ones, without a byte of code.
// RUN: llvm-readelf -SW %t.o | FileCheck %s
// CHECK: hwckpt_sites_annotated

#if !__has_attribute(hwckpt_site)
#error not known
#endif

// expected-remark@+1 {{site that the source asks for}}
[[hwckpt::site]] int function(int *p) { return *p; }

// expected-remark@+1 {{site that the source asks for}}
__attribute__((hwckpt_site)) int gnu_function(int *p) { return *p; }

void loops(volatile int *p) {
  int i;
#pragma clang loop unroll(disable)
  [[hwckpt::site]] for (i = 0; i < 3; i++)
    *p = i; // expected-remark {{site that the source asks for}}
  __attribute__((hwckpt_site)) while (*p)
    *p = 4; // expected-remark {{site that the source asks for}}
#pragma hwckpt site
  do
    *p = 5; // expected-remark {{site that the source asks for}}
  while (*p);
}

void statements(volatile int *p) {
  // expected-remark@+1 {{site that the source asks for}}
  [[hwckpt::site]] *p = 1;
  if (*p)
      // clang-format off
    [[hwckpt::site]] *p = 2; // expected-remark {{site that the source asks for}}
  // clang-format on
  else
#pragma hwckpt site
    // expected-remark@+1 {{site that the source asks for}}
    *p = 3;
  // expected-remark@+1 {{site that the source asks for}}
  [[hwckpt::site]];
  // expected-remark@+1 {{site that the source asks for}}
  [[hwckpt::site]] {
    int v = *p;
    *p = v + 1;
  }
  switch (*p) {
  case 1:
    // expected-remark@+1 {{site that the source asks for}}
    _Pragma("hwckpt site") *p = 6;
  }
}
