/* stencil.c - a stencil by several threads of OpenMP; prints its residuals. */
#include <math.h>
#include <stdio.h>
#define N 700
static double a[N][N], b[N][N];
int main(void) {
  for (int i = 0; i < N; i++)
    a[i][0] = b[i][0] = i;
  for (int step = 0; step < 800; step++) {
    double residual = 0;
#pragma omp parallel for reduction(max : residual)
    for (int i = 1; i < N - 1; i++)
      for (int j = 1; j < N - 1; j++) {
        b[i][j] =
            (a[i - 1][j] + a[i + 1][j] + a[i][j - 1] + a[i][j + 1]) / 4;
        residual = fmax(residual, fabs(b[i][j] - a[i][j]));
      }
#pragma omp parallel for
    for (int i = 1; i < N - 1; i++)
      for (int j = 1; j < N - 1; j++)
        a[i][j] = b[i][j];
    if (step % 40 == 0) {
      printf("%d %.17g\n", step, residual);
      fflush(stdout);
    }
  }
  return 0;
}
