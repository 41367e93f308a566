/* Solves L x = b for a triangular L, many times. */
#include "common.h"

enum { N = 700 };

__attribute__((noinline)) static void solve(const double L[N][N],
                                            const double *b, double *x) {
  for (int i = 0; i < N; i++) {
    double rest = b[i];
    for (int j = 0; j < i; j++)
      rest -= L[i][j] * x[j];
    x[i] = rest / L[i][i];
  }
}

int main(void) {
  double *L = make_numbers(N * N), *b = make_numbers(N), *x = make_numbers(N);
  for (int i = 0; i < N; i++)
    L[i * N + i] += N;
  for (int i = 0; i < 130; i++) {
    solve((void *)L, b, x);
    b[i % N] += x[0];
  }
  return sum_numbers(x, N);
}
