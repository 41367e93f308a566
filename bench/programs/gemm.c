/* C = a A B + b C, dense. */
#include "common.h"

enum { N = 300 };

__attribute__((noinline)) static void gemm(double a, double b,
                                           const double A[N][N],
                                           const double B[N][N],
                                           double C[restrict N][N]) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++)
      C[i][j] *= b;
    for (int k = 0; k < N; k++)
      for (int j = 0; j < N; j++)
        C[i][j] += a * A[i][k] * B[k][j];
  }
}

int main(void) {
  double *A = make_numbers(N * N), *B = make_numbers(N * N),
         *C = make_numbers(N * N);
  for (int i = 0; i < 4; i++)
    gemm(1.5, 0.5, (void *)A, (void *)B, (void *)C);
  return sum_numbers(C, N * N);
}
