/* Products of a matrix and its transpose with vectors. */
#include "common.h"

enum { N = 700 };

__attribute__((noinline)) static void
matvec(const double A[N][N], const double *x, double *y, double *z) {
  for (int i = 0; i < N; i++) {
    double sum = 0;
    for (int j = 0; j < N; j++)
      sum += A[i][j] * x[j];
    y[i] = sum;
  }
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      z[j] += A[i][j] * y[i];
}

int main(void) {
  double *A = make_numbers(N * N), *x = make_numbers(N), *y = make_numbers(N),
         *z = make_numbers(N);
  for (int i = 0; i < 60; i++)
    matvec((void *)A, x, y, z);
  return sum_numbers(z, N);
}
