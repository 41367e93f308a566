/* Heat in a cube, seven points. */
#include "common.h"

enum { N = 64 };

__attribute__((noinline)) static void step(const double A[N][N][N],
                                           double B[restrict N][N][N]) {
  for (int i = 1; i < N - 1; i++)
    for (int j = 1; j < N - 1; j++)
      for (int k = 1; k < N - 1; k++)
        B[i][j][k] = 0.25 * A[i][j][k] +
                     0.125 * (A[i + 1][j][k] + A[i - 1][j][k] + A[i][j + 1][k] +
                              A[i][j - 1][k] + A[i][j][k + 1] + A[i][j][k - 1]);
}

int main(void) {
  double *A = make_numbers(N * N * N), *B = make_numbers(N * N * N);
  for (int i = 0; i < 100; i++) {
    step((void *)A, (void *)B);
    step((void *)B, (void *)A);
  }
  return sum_numbers(A, N * N * N);
}
