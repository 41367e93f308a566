/* LU decomposition without pivoting, in place. */
#include "common.h"

enum { N = 600 };

__attribute__((noinline)) static void decompose(double A[N][N]) {
  for (int k = 0; k < N; k++)
    for (int i = k + 1; i < N; i++) {
      double factor = A[i][k] /= A[k][k];
      for (int j = k + 1; j < N; j++)
        A[i][j] -= factor * A[k][j];
    }
}

int main(void) {
  double *A = make_numbers(N * N);
  for (int i = 0; i < N; i++)
    A[i * N + i] += N;
  decompose((void *)A);
  return sum_numbers(A, N * N);
}
