/* solver.c - an array of doubles as a solver has it: heat in a plate, relaxed
 * row by row, in MIB of memory (argument), for ever. What a checkpoint of it
 * holds is for `bench/run cache`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
  size_t mib = count > 1 ? strtoull(arguments[1], NULL, 10) : 64;
  size_t side = (size_t)sqrt((double)(mib << 20) / sizeof(double));
  double *plate = malloc(side * side * sizeof(double));
  if (!plate || side < 16)
    return 1;
  /* Smooth, with a few sources: as after many sweeps. */
  for (size_t i = 0; i < side; i++)
    for (size_t j = 0; j < side; j++)
      plate[i * side + j] =
          300 + 40 * sin((double)i * 0.013) * cos((double)j * 0.007) +
          900.0 / (1 + (double)((i % 257) * (i % 257) + (j % 509)));
  for (size_t sweep = 0;; sweep++)
    for (size_t i = 1; i + 1 < side; i++) {
      double *row = plate + i * side;
      for (size_t j = 1; j + 1 < side; j++)
        row[j] += 0.2 * (row[j - side] + row[j + side] + row[j - 1] +
                         row[j + 1] - 4 * row[j]);
    }
}
