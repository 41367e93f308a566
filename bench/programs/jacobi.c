/* Jacobi's iteration on a plane, five points. */
#include "common.h"

enum { N = 500 };

__attribute__((noinline)) static void sweep(const double A[N][N],
                                            double B[restrict N][N]) {
  for (int i = 1; i < N - 1; i++)
    for (int j = 1; j < N - 1; j++)
      B[i][j] = 0.2 * (A[i][j] + A[i][j - 1] + A[i][j + 1] + A[i - 1][j] +
                       A[i + 1][j]);
}

int main(void) {
  double *A = make_numbers(N * N), *B = make_numbers(N * N);
  for (int i = 0; i < 120; i++) {
    sweep((void *)A, (void *)B);
    sweep((void *)B, (void *)A);
  }
  return sum_numbers(A, N * N);
}
