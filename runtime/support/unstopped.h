/* unstopped.h - pieces of the program's threads in which no stop finds them.
 *
 * All signals are blocked, that of the stop among them, but for SIGSEGV - the
 * stack may be protected memory (protect.h) - and what is ignored (ignored.h).
 * Short, and never waiting for what a stopped thread has. Async-signal-safe,
 * general registers only.
 */
#ifndef HWCKPT_SUPPORT_UNSTOPPED_H
#define HWCKPT_SUPPORT_UNSTOPPED_H

#include "../arch/sys.h"
#include "ignored.h"

#include <signal.h>
#include <stdint.h>

struct unstopped {
  uint64_t mask; /* that of before */
  uint32_t turn; /* ignored.h */
};

/* What it returns is for the end. */
static inline struct unstopped unstopped_begin(void) {
  struct unstopped before;
  uint64_t open = ignored_begin(&before.turn) | 1ull << (SIGSEGV - 1);
  uint64_t most = ~open;
  SYS(rt_sigprocmask, SIG_SETMASK, &most, &before.mask, 8);
  return before;
}

static inline void unstopped_end(struct unstopped before) {
  SYS(rt_sigprocmask, SIG_SETMASK, &before.mask, 0, 8);
  ignored_end(before.turn);
}

#endif
