/* regions.c - a solver that saves what it needs to go on, and nothing else.
 *
 *   clang -fhwckpt regions.c -o regions -lm && ./regions 300; ./regions
 *
 * Heat spreads on a plate. The first run dies at step 300; the second loads
 * step and plate as they were saved last, and goes on from there. It may be
 * another build of the program, or on another machine (with the same
 * HWCKPT_CACHE). Compare VeloC: VELOC_Mem_protect(), VELOC_Checkpoint(),
 * VELOC_Restart(); or FTI: FTI_Protect(), FTI_Checkpoint(), FTI_Recover().
 */
#include <hwckptintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 256
#define STEPS 1000

static double plate[SIZE][SIZE], next[SIZE][SIZE];

static void step_once(void) {
  for (int i = 1; i < SIZE - 1; i++)
    for (int j = 1; j < SIZE - 1; j++)
      next[i][j] = plate[i][j] +
                   0.2 * (plate[i - 1][j] + plate[i + 1][j] + plate[i][j - 1] +
                          plate[i][j + 1] - 4 * plate[i][j]);
  memcpy(plate, next, sizeof plate);
}

int main(int argc, char **argv) {
  int64_t step = 0, dies = argc > 1 ? atoi(argv[1]) : -1;
  plate[SIZE / 2][SIZE / 2] = next[SIZE / 2][SIZE / 2] = 1e6;

  hwckpt_region("heat", "step", &step, 1, HWCKPT_INT64);
  hwckpt_region("heat", "plate", plate, (size_t)SIZE * SIZE, HWCKPT_DOUBLE);
  if (hwckpt_region_load("heat") < 0)
    return 1;
  printf("from step %lld\n", (long long)step);
  fflush(stdout);

  for (; step < STEPS; step++) {
    if (step % 100 == 0 && hwckpt_region_save("heat") < 0)
      return 1;
    if (step == dies)
      abort();
    step_once();
  }
  printf("%.9g in the middle\n", plate[SIZE / 2][SIZE / 2]);
  return 0;
}
