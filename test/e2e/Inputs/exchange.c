/* exchange OUTPUT STEPS - ranks of MPI that hand vectors around in a ring,
 * relax them and sum over all; the first adds a line to OUTPUT for each step.
 * Status 7.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORDS 50000

static double own[WORDS], from_left[WORDS];

int main(int argc, char **argv) {
  int rank, ranks;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (argc != 3)
    return 2;
  FILE *output = rank ? NULL : fopen(argv[1], "w");
  for (int i = 0; i < WORDS; i++)
    own[i] = rank * WORDS + i;
  for (int step = 1; step <= atoi(argv[2]); step++) {
    double sum = 0, all;
    MPI_Sendrecv(own, WORDS, MPI_DOUBLE, (rank + 1) % ranks, 1, from_left,
                 WORDS, MPI_DOUBLE, (rank + ranks - 1) % ranks, 1,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int i = 0; i < WORDS; i++) {
      own[i] = own[i] / 2 + from_left[(i * 7 + step) % WORDS] / 4 + 1.0 / step;
      sum += own[i];
    }
    MPI_Allreduce(&sum, &all, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    if (output)
      fprintf(output, "%d %.17g\n", step, all), fflush(output);
    usleep(5000);
  }
  MPI_Finalize();
  return 7;
}
