/* auto.c - checkpoints as often as loses the least time, for a machine that
 * fails every two seconds: the first after a second, and from then on the
 * interval follows from what one costs.
 *
 *   clang -fhwckpt auto.c -o auto
 *   hwckpt run --on every=auto --mtbf 2s -- ./auto
 */
#include <hwckptintrin.h>
#include <stdio.h>

int main(void) {
  struct hwckpt_statistics now;
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 3);
  printf("%llu checkpoints, the next after %llu ms\n", now.checkpoints,
         now.interval_ns / 1000000);
  return 0;
}
