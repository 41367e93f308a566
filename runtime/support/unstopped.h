/* unstopped.h - pieces of the program's threads in which no stop finds them.
 *
 * All signals are blocked, that of the stop among them, but for SIGSEGV: the
 * stack may be protected memory (protect.h). Short, and never waiting for what
 * a stopped thread has. Async-signal-safe, general registers only.
 */
#ifndef HWCKPT_SUPPORT_UNSTOPPED_H
#define HWCKPT_SUPPORT_UNSTOPPED_H

#include "../arch/sys.h"

#include <signal.h>
#include <stdint.h>

/* Returns the mask of before, for the end. */
static inline uint64_t unstopped_begin(void) {
  uint64_t most = ~(1ull << (SIGSEGV - 1)), before = 0;
  SYS(rt_sigprocmask, SIG_SETMASK, &most, &before, 8);
  return before;
}

static inline void unstopped_end(uint64_t before) {
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

#endif
