// Sites come after the vectoriser: the loop is vectorised, and has one.
// RUN: %clang -fhwckpt -O3 -S %s -o - | FileCheck %s

// CHECK-LABEL: add:
// CHECK: .Lhwckpt_site
// CHECK: paddd
void add(int *restrict a, const int *restrict b, long n) {
  for (long i = 0; i < n; i++)
    a[i] += b[i];
}

// What is left over for single elements has one of its own: how often it runs
// cannot be proved.
// RUN: %clang -fhwckpt -O3 -Rpass=hwckpt -c %s -o %t.o 2>%t.remarks
// RUN: grep -c ':8:3: remark: site in loop' %t.remarks | grep -x 2
