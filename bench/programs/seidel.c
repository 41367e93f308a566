/* Gauss and Seidel's iteration on a plane, nine points: each depends on the one
 * before. */
#include "common.h"

enum { N = 400 };

__attribute__((noinline)) static void sweep(double A[N][N]) {
  for (int i = 1; i < N - 1; i++)
    for (int j = 1; j < N - 1; j++)
      A[i][j] = (A[i - 1][j - 1] + A[i - 1][j] + A[i - 1][j + 1] + A[i][j - 1] +
                 A[i][j] + A[i][j + 1] + A[i + 1][j - 1] + A[i + 1][j] +
                 A[i + 1][j + 1]) /
                9.0;
}

int main(void) {
  double *A = make_numbers(N * N);
  for (int i = 0; i < 18; i++)
    sweep((void *)A);
  return sum_numbers(A, N * N);
}
