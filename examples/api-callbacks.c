/* api-callbacks.c - a program that has a say in its checkpoints.
 *
 *   clang -fhwckpt api-callbacks.c -o api-callbacks && ./api-callbacks
 *
 * Half of a pair of numbers is never in a checkpoint (critical section), what
 * waits in a buffer is written out before one (callback), and what was promised
 * to the world is durable (waiting). Compare the plugin events of DMTCP, or the
 * action scripts of CRIU.
 */
#include <hwckpt.h>
#include <stdio.h>

static int credit = 100, debit;

static int around(enum hwckpt_moment moment, void *unused) {
  static const char *const names[] = {"before", "resumed", "restored",
                                      "rolled back"};
  (void)unused;
  if (moment == HWCKPT_BEFORE && credit + debit != 100)
    return 1; /* no checkpoint of that */
  printf("%s\n", names[moment]);
  fflush(stdout);
  return 0;
}

int main(void) {
  if (hwckpt_callback("ledger", around, 0) < 0)
    return printf("no runtime\n"), 1;
  unsigned long long newest = hwckpt_generation();
  hwckpt_disable();
  credit -= 10;
  hwckpt_request(); /* taken at the end of the section */
  debit += 10;
  hwckpt_enable();
  if (hwckpt_wait(newest + 1, 60000) < 0)
    return 1;
  hwckpt_callback("ledger", 0, 0);
  printf("durable: %d and %d\n", credit, debit);
  return 0;
}
