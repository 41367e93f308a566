/* A sparse matrix (compressed rows) times a vector, again and again. */
#include "common.h"

enum { ROWS = 20000, EACH = 12 };

__attribute__((noinline)) static void multiply(const int *starts,
                                               const int *columns,
                                               const double *values,
                                               const double *x, double *y) {
  for (int i = 0; i < ROWS; i++) {
    double sum = 0;
    for (int k = starts[i]; k < starts[i + 1]; k++)
      sum += values[k] * x[columns[k]];
    y[i] = sum;
  }
}

int main(void) {
  int *starts = make(ROWS + 1, sizeof *starts),
      *columns = make(ROWS * EACH, sizeof *columns), used = 0;
  double *values = make_numbers(ROWS * EACH), *x = make_numbers(ROWS),
         *y = make_numbers(ROWS);
  uint64_t state = 11;
  for (int i = 0; i < ROWS; i++) {
    starts[i] = used;
    for (uint64_t k = next_random(&state) % EACH + 1; k; k--)
      columns[used++] = (int)(next_random(&state) % ROWS);
  }
  starts[ROWS] = used;
  for (int i = 0; i < 100; i++) {
    multiply(starts, columns, values, x, y);
    multiply(starts, columns, values, y, x);
    for (int k = 0; k < ROWS; k += 64)
      x[k] = 0.5;
  }
  return sum_numbers(x, 100);
}
