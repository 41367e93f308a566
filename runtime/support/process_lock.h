/* process_lock.h - a lock for a few instructions, of a process: in a child that
 * is forked while a thread holds it there is nobody who would give it back, and
 * it is free.
 *
 * It is the process id of its holder, 0 without one. All signals are blocked
 * while it is held: no thread that holds it is stopped. Async-signal-safe,
 * general registers only.
 */
#ifndef HWCKPT_SUPPORT_PROCESS_LOCK_H
#define HWCKPT_SUPPORT_PROCESS_LOCK_H

#include "../arch/sys.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

/* On threads whose signals are blocked already: the runtime's, handlers. */
static inline void process_lock(_Atomic int *lock) {
  int own = (int)SYS(getpid), holder = 0;
  while (!atomic_compare_exchange_weak(lock, &holder, own)) {
    if (holder != own)
      continue; /* free, or left by the parent */
    holder = 0;
    SYS(sched_yield);
  }
}

static inline void process_unlock(_Atomic int *lock) { atomic_store(lock, 0); }

/* On any thread; returns the mask of before, for the end. */
static inline uint64_t process_lock_blocking(_Atomic int *lock) {
  uint64_t all = ~0ull, before = 0;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  process_lock(lock);
  return before;
}

static inline void process_unlock_blocking(_Atomic int *lock, uint64_t before) {
  process_unlock(lock);
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

#endif
