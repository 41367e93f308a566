/* spacing.c - several events, and not too many checkpoints: signals that come
 * within 300 ms of the last are served together; and one that waits for a site
 * is taken where the source says so.
 *
 *   clang -fhwckpt spacing.c -o spacing
 *   hwckpt run --on signal=USR1,spacing=300ms \
 *     --on signal=USR2,site=10s -- ./spacing
 */
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>

static void wait_for(unsigned long long checkpoints) {
  struct hwckpt_statistics now;
  do {
    __builtin_ckpt_poll(); /* a site */
    hwckpt_statistics(&now, sizeof now);
  } while (now.checkpoints < checkpoints);
}

int main(void) {
  raise(SIGUSR1);
  wait_for(1);
  for (int i = 0; i < 100; i++)
    raise(SIGUSR1);
  wait_for(2);
  raise(SIGUSR2);
  wait_for(3);
  printf("3 checkpoints for 102 signals\n");
  return 0;
}
