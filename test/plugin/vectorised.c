// Sites come after the vectoriser: the loop is vectorised, and has one.
// RUN: %clang -fhwckpt -O3 -S %s -o - | FileCheck %s

// CHECK-LABEL: add:
// CHECK: .Lhwckpt_site
// CHECK: paddd
void add(int *restrict a, const int *restrict b, long n) {
  for (long i = 0; i < n; i++)
    a[i] += b[i];
}
