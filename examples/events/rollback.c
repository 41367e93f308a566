/* rollback.c - back to the last checkpoint when a signal comes: what the
 * program did since is undone.
 *
 *   clang -fhwckpt rollback.c -o rollback
 *   hwckpt run --restore-on signal=USR2 -- ./rollback
 */
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>

static volatile int steps;

int main(void) {
  int times = __builtin_ckpt_save();
  if (times == 0) {
    steps = 100;
    raise(SIGUSR2);
    for (;;)
      steps++; /* until it is back in the save */
  }
  if (times < 0 || steps != 0)
    return 1;
  printf("back, with no step made\n");
  return 0;
}
