/* save.c - a checkpoint where the program says so.
 *
 *   clang -fhwckpt save.c -o save && hwckpt run -- ./save; hwckpt restore
 *
 * The program dies at step 3 when it runs for the first time and goes on from
 * the checkpoint when it is restored.
 */
#include <hwckptintrin.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  for (int step = 1; step <= 5; step++) {
    int came_back = __builtin_ckpt_save();
    if (came_back < 0)
      return fprintf(stderr, "no checkpoint: %d\n", came_back), 1;
    printf("step %d%s\n", step, came_back ? ", from the checkpoint" : "");
    fflush(stdout);
    if (step == 3 && came_back == 0)
      abort();
  }
  return 0;
}
