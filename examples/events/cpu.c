/* cpu.c - a checkpoint for each 50 ms of processor time: none while it sleeps.
 *
 *   clang -fhwckpt cpu.c -o cpu
 *   hwckpt run --on cpu=50ms -- ./cpu
 */
#include <hwckptintrin.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
  struct hwckpt_statistics now;
  usleep(200000);
  hwckpt_statistics(&now, sizeof now);
  printf("%llu checkpoints after a sleep\n", now.checkpoints);
  while (now.checkpoints < 2)
    hwckpt_statistics(&now, sizeof now);
  printf("%llu after some work\n", now.checkpoints);
  return 0;
}
