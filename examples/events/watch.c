/* watch.c - a checkpoint when the program writes to a variable, whoever does.
 *
 *   clang -fhwckpt watch.c -o watch
 *   hwckpt run --on watch=step -- ./watch
 */
#include <hwckptintrin.h>
#include <stdio.h>

long step;

int main(void) {
  struct hwckpt_statistics now;
  step = 1;
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 1);
  printf("a checkpoint for step %ld\n", step);
  return 0;
}
