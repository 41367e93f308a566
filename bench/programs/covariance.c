/* Covariances of the columns of a table. */
#include "common.h"

enum { ROWS = 400, COLUMNS = 260 };

__attribute__((noinline)) static void
covariance(double D[ROWS][COLUMNS], double C[restrict COLUMNS][COLUMNS]) {
  for (int j = 0; j < COLUMNS; j++) {
    double mean = 0;
    for (int i = 0; i < ROWS; i++)
      mean += D[i][j];
    mean /= ROWS;
    for (int i = 0; i < ROWS; i++)
      D[i][j] -= mean;
  }
  for (int a = 0; a < COLUMNS; a++)
    for (int b = a; b < COLUMNS; b++) {
      double sum = 0;
      for (int i = 0; i < ROWS; i++)
        sum += D[i][a] * D[i][b];
      C[a][b] = C[b][a] = sum / (ROWS - 1);
    }
}

int main(void) {
  double *D = make_numbers(ROWS * COLUMNS),
         *C = make_numbers(COLUMNS * COLUMNS);
  for (int i = 0; i < 2; i++)
    covariance((void *)D, (void *)C);
  return sum_numbers(C, COLUMNS * COLUMNS);
}
