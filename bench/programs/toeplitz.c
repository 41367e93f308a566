/* Levinson's recursion for a Toeplitz system. */
#include "common.h"

enum { N = 2600 };

__attribute__((noinline)) static void levinson(const double *r, double *a,
                                               double *next) {
  double error = r[0];
  for (int k = 1; k < N; k++) {
    double sum = r[k];
    for (int i = 1; i < k; i++)
      sum += a[i] * r[k - i];
    double reflection = -sum / error;
    for (int i = 1; i < k; i++)
      next[i] = a[i] + reflection * a[k - i];
    for (int i = 1; i < k; i++)
      a[i] = next[i];
    a[k] = reflection;
    error *= 1 - reflection * reflection;
  }
}

int main(void) {
  double *r = make_numbers(N), *a = make_numbers(N), *next = make_numbers(N);
  for (int i = 0; i < N; i++)
    r[i] /= 1 + i;
  r[0] = 10;
  a[0] = 1;
  for (int i = 0; i < 9; i++)
    levinson(r, a, next);
  return sum_numbers(a, N);
}
