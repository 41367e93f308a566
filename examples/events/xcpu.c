/* xcpu.c - the limit of processor time: a checkpoint, and the end with status
 * 85. A restore, under a new limit, goes on.
 *
 *   clang -fhwckpt xcpu.c -o xcpu
 *   ulimit -S -t 1
 *   hwckpt run --on exit=XCPU -- ./xcpu || test $? = 85
 */
#include <stdio.h>

int main(void) {
  for (volatile unsigned long step = 0;; step = step + 1)
    if (step % 100000000 == 0) {
      printf("step %lu\n", step);
      fflush(stdout);
    }
}
