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

/* A moment on clocks of one processor, which other processors do not share. */
struct processor_time {
  uint64_t execution, load; /* ns; 0: not known */
};

/* What a thread did when it was looked at. */
struct interruption {
  int tid;
  uint32_t next;  /* place in the list of its hash, + 1 */
  bool blocked;   /* in the kernel */
  bool forking;   /* in vfork(), or in a call that may be it */
  bool signalled; /* the stop signal has been sent since */
  long number;    /* system call, -1: none */
  uint64_t arguments[6];
  uint64_t pc, sp;
  /* Of a relative wait that nobody has seen begin: */
  struct processor_time ran; /* last */
  int processor;             /* and where; -1: not known */
  uint64_t since_ns;         /* when, CLOCK_MONOTONIC; 0: not known */
  uint64_t switches;         /* how often the thread had gone to sleep */
};

/* On the checkpoint thread. Memory for what follows; false: there is none. */
bool interrupted_open(void);
/* What was seen is forgotten; the threads are looked at one by one; then they
 * may use what was seen of them. */
void interrupted_survey(void);
void interrupted_surveyed(void);
/* Looks what a thread does, what it did before is kept; null: too many. */
struct interruption *interrupted_look(int tid);
void interrupted_each(void (*visit)(struct interruption *seen, void *context),
                      void *context);

enum interrupted {
  INTERRUPTED_NOTHING,
  INTERRUPTED_RESTARTS, /* the kernel makes the call again */
  INTERRUPTED_PUT_BACK, /* before its start, by us */
};

/* On the thread tid, in the handler of a signal that is none of the program's:
 * an interrupted call is put back before its start. */
enum interrupted interrupted_settle(ucontext_t *context, int tid);
/* After that, before the thread goes on: a signal of the program that came
 * while it was parked interrupts the call after all, and time has passed. */
void interrupted_leave(enum interrupted how, ucontext_t *context);

/* In the restored program: nothing was seen; times go on from what was left. */
void interrupted_forget(void);

#endif
