/* The Cholesky factor of a positive definite matrix, in place. */
#include "common.h"

enum { N = 680 };

__attribute__((noinline)) static void cholesky(double A[N][N]) {
  for (int j = 0; j < N; j++) {
    for (int k = 0; k < j; k++)
      A[j][j] -= A[j][k] * A[j][k];
    A[j][j] = sqrt(A[j][j]);
    for (int i = j + 1; i < N; i++) {
      double sum = A[i][j];
      for (int k = 0; k < j; k++)
        sum -= A[i][k] * A[j][k];
      A[i][j] = sum / A[j][j];
    }
  }
}

int main(void) {
  double *A = make_numbers(N * N);
  for (int i = 0; i < N; i++)
    A[i * N + i] += N;
  cholesky((void *)A);
  return sum_numbers(A, N * N);
}
