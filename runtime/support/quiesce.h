/* quiesce.h - stopping every thread of the program, and letting them go on.
 *
 * A thread stops by parking in a signal handler: at a site (trap), at the stop
 * signal, or in a save. What it had in its registers is then in the signal
 * frame that the kernel wrote on its stack; the frame is the register save,
 * extended state included. Invariant: between quiesce_stop() and
 * quiesce_resume() no thread of the program runs, and none is in the middle of
 * a system call.
 *
 * Threads of the runtime itself are created by quiesce_spawn() and never stop.
 */
#ifndef HWCKPT_SUPPORT_QUIESCE_H
#define HWCKPT_SUPPORT_QUIESCE_H

#include "../error.h"
#include "thread_settings.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* How a thread came to park. */
enum park_reason {
  PARK_SITE,   /* a poll site's trap */
  PARK_SIGNAL, /* the stop signal */
  PARK_SAVE,   /* asked for the checkpoint itself and waits for its result */
  PARK_WAIT,   /* at a site, asked for the checkpoint and waits for its end */
  PARK_LOAD,   /* asked to be rolled back and waits for that, or its failure */
};

/* A parked thread as the checkpoint thread sees it. */
struct parked {
  int tid;
  enum park_reason reason;
  ucontext_t *context; /* in the signal frame */
  uint64_t fs_base, gs_base;
  uint64_t clear_tid; /* set_tid_address() */
  uint64_t robust_list, robust_length;
  struct thread_settings settings;
  char name[16];
};

/* That many threads can be parked at once. */
#define QUIESCE_THREADS_MAX 65536u

/* What arming the sites is, told by who knows the sites. */
struct quiesce_hooks {
  /* Before the stop that captures: waits for a thread where that is wanted,
   * which stays there. False: there is to be none. And lets it go on after all.
   * Null: nobody is waited for. */
  bool (*await)(void);
  void (*release)(void);
  void (*prepare)(void);     /* arming comes next, threads run; null: nothing */
  void (*arm)(void);         /* sites trap from now on */
  void (*disarm)(void);      /* and no more; all threads are stopped */
  void (*resume)(void);      /* all threads go on next; null: nothing */
  void (*captured)(void);    /* all was captured, they go on; null: nothing */
  void (*rolled_back)(void); /* memory is that of a checkpoint */
};

/* What the last stop took, in parts. */
struct quiesce_times {
  uint64_t begin_ns;  /* when it began, CLOCK_MONOTONIC */
  uint64_t arm_ns;    /* arming the sites */
  uint64_t signal_ns; /* threads that come to a site, signals to the others */
  uint64_t arrive_ns; /* until all stand */
  uint32_t signalled; /* threads */
};

/* Installs the stop signal's handler; again when libc has replaced it. */
void quiesce_install(void);

/* libc has made a thread, and may have taken the stop signal. Thread safe. */
void __hwckpt_thread_created(void);
/* A queued one that stops nothing goes to `other`, in the handler; and to libc
 * when that returns false. */
void quiesce_pass(bool (*other)(const siginfo_t *info));

/* Starts a thread of the runtime with all signals blocked, a private stack and
 * a table of descriptors of its own, in which it keeps one of the caller's, of
 * a number above 2 (-1: none). 0 or a negative error. */
int quiesce_spawn(void (*function)(void *), void *argument, const char *name,
                  int kept, struct hwckpt_error *error);
/* The same, but sharing the descriptors of the runtime's thread that calls. */
int quiesce_spawn_companion(void (*function)(void *), void *argument,
                            const char *name, struct hwckpt_error *error);

/* Stops all threads. On failure (a thread did not stop in time) all go on
 * again. The array lives until quiesce_resume(), the main thread first. Called
 * by the checkpoint thread only. */
int quiesce_stop(const struct quiesce_hooks *hooks, struct parked **threads,
                 unsigned *count, struct hwckpt_error *error);

/* What the last stop took; lives until the next. */
const struct quiesce_times *quiesce_times(void);

/* Between the two: whether a thread blocks the signal in the program's code. */
bool quiesce_blocks(int number);

/* Lets all threads go on but those that wait in a save. Returns when: those
 * that go on may have this thread's processor before it comes back from here.
 */
uint64_t quiesce_resume(void);

/* Gives the threads that wait in a save, and were part of the last stop, their
 * result, and lets them go on. */
void quiesce_finish_saves(int result);
/* The same for those that wait in a save since before (CLOCK_MONOTONIC): what
 * came later may know already that it failed. */
void quiesce_fail_saves(uint64_t before_ns, int result);

/* The same for threads that wait to be rolled back. */
void quiesce_fail_loads(int result);

/* Whether a thread waits in a save and has no result yet. On the checkpoint
 * thread. */
bool quiesce_save_waits(void);
/* Whether one waits to be rolled back. */
bool quiesce_load_waits(void);

/* What every stopped thread does at the same time for the checkpoint thread, on
 * a stack of its own; `number` is its place in the array of the stop. Where it
 * returns the thread stands as before. */
struct quiesce_errand {
  void (*function)(unsigned number, void *argument);
  void *argument;
  char *stacks; /* memory of all stacks */
  size_t first; /* bytes of that of the main thread, */
  size_t other; /* of each other */
};

/* Sends all stopped threads; the errand lives until they are back. */
void quiesce_send(const struct quiesce_errand *errand);
/* Waits until all are back. */
void quiesce_recall(void);
/* Instead: nobody comes back. The stop is now one of these threads, which stand
 * elsewhere and of which only the context counts; quiesce_resume() ends it. */
void quiesce_replace(const struct parked *threads, unsigned count);

/* In a signal handler of a thread of the program: parks until the threads go
 * on, when a stop is under way; else returns false at once. */
bool quiesce_park(enum park_reason reason, ucontext_t *context);

/* In a signal handler: waits for the checkpoint that `ask` requests, and
 * returns its result (quiesce_finish_saves()). The reason is PARK_SAVE or
 * PARK_WAIT; or PARK_LOAD, and `ask` requests to be rolled back. */
int quiesce_park_until_saved(enum park_reason reason, ucontext_t *context,
                             void (*ask)(void));

/* Whether the calling thread is the only one of the program. */
bool __hwckpt_is_alone(void);

/* Whether a thread is one of the runtime's own. */
bool quiesce_is_runtime_thread(int tid);
/* The one whose descriptors and status the program's are: the main thread, or
 * any of the program's once that has ended. */
int quiesce_program_thread(void);

/* Lets the runtime's threads go first by so many steps of nice (0: no longer),
 * where that is allowed (setpriority(2)). While the program is stopped they go
 * first as far as can be: what else runs on its processors would have it stand
 * still for longer. */
void quiesce_hurry(unsigned steps);
/* And as far as can be from when a stop finds that many more threads want to
 * run than there are processors, until that is no longer wanted. */
void quiesce_hurry_in_crowds(bool on);
/* Lets a process that the calling thread has made in a stop go first no further
 * than the runtime's threads will when the stop is over. */
void quiesce_calm(int tid);
/* Processor time that all of those have used. */
uint64_t quiesce_runtime_cpu_ns(void);
/* Whether a thread waits in a save or load to be served. */
bool quiesce_is_in_save(int tid);

/* In the restored program: nothing is stopped, there are no runtime threads. */
void quiesce_forget(void);

/* Monotonic nanoseconds. */
uint64_t quiesce_now_ns(void);

#endif
