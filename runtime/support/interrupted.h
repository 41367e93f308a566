/* interrupted.h - system calls that a stop interrupts, and that the program
 * must not see interrupted.
 *
 * The kernel restarts most calls by itself; some end with EINTR whatever the
 * handler says (signal(7)). Invariant: a thread that was stopped in a system
 * call makes it again with the time that is left, unless a signal of the
 * program's own came meanwhile.
 */
#ifndef HWCKPT_SUPPORT_INTERRUPTED_H
#define HWCKPT_SUPPORT_INTERRUPTED_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* What a thread was doing just before it was sent the stop signal. */
struct interruption {
  int tid;        /* 0: free */
  uint32_t epoch; /* of the stop it was looked at in */
  long number;    /* system call, -1: none */
  uint64_t pc, sp;
};

/* The entry of a thread in a table of size (power of two); null when it is
 * full there. A new entry has epoch ~0. */
struct interruption *interrupted_find(struct interruption *table, unsigned size,
                                      int tid);
/* Looks what a thread does; true when it is blocked in the kernel. */
bool interrupted_look(int tid, struct interruption *seen);
/* The thread is parked: puts an interrupted call back before its start. */
void interrupted_settle(const struct interruption *seen, ucontext_t *context);
/* The same on the thread itself, in the handler of a signal that is none of the
 * program's: only the code tells the call. */
void interrupted_settle_own(ucontext_t *context);
/* In the restored program: times go on from what was left, on a clock that may
 * be another one. */
void interrupted_restored(void);
/* On the thread, before it goes on: a signal of the program that came while it
 * was parked interrupts the call after all. */
void interrupted_leave(ucontext_t *context);

#endif
