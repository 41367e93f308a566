/* signal.c - a checkpoint when a signal comes, which the program does not see.
 *
 *   clang -fhwckpt signal.c -o signal
 *   hwckpt run --on signal=USR2 -- ./signal
 */
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>

int main(void) {
  struct hwckpt_statistics now;
  raise(SIGUSR2);
  do
    hwckpt_statistics(&now, sizeof now);
  while (now.checkpoints < 1);
  printf("still here, with a checkpoint\n");
  return 0;
}
