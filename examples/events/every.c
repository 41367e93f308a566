/* every.c - a checkpoint each 100 ms, whatever the program does.
 *
 *   clang -fhwckpt every.c -o every
 *   hwckpt run --on every=100ms -- ./every
 */
#include <hwckptintrin.h>
#include <stdio.h>

int main(void) {
  struct hwckpt_statistics now;
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 3);
  printf("%llu checkpoints, one each %llu ms\n", now.checkpoints,
         now.interval_ns / 1000000);
  return 0;
}
