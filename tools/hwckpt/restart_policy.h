/* restart_policy.h - after which ends a program is restarted, how often, and
 * how long after each (restart.h). No more than numbers: nothing is looked at
 * here.
 */
#ifndef HWCKPT_RESTART_POLICY_H
#define HWCKPT_RESTART_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* Of the program, when it was to end after a checkpoint (exit_signal). */
#define RESTART_CHECKPOINTED 85

enum restart_when { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };

struct restart {
  enum restart_when when;
  unsigned limit; /* failures in a row, each soon after the last */
  bool anew;      /* what an earlier run left is not gone on from */
};

/* "never", "always", "on-failure" or "on-failure:N", N from 1 to 1,000,000. */
bool restart_parse(const char *text, struct restart *restart);

/* Whether that end, a status as of waitpid(2), is one to go on after. */
bool restart_is_failure(const struct restart *restart, int status);

/* Failures in a row with this one, of which there were so many before: of a run
 * that lasted so long, and came farther than all before it or not. */
unsigned restart_in_a_row(unsigned before, uint64_t lasted_ns, bool farther);

/* How long to wait after so many in a row. */
uint64_t restart_pause_ns(unsigned failures);

#endif
