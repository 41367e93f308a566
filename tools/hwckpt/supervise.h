/* supervise.h - standing between the shell and a program.
 *
 * Invariant: to the shell, `hwckpt run PROG` and `hwckpt restore` behave as
 * PROG itself would: signals reach it once, stopping and continuing the job
 * works, and it ends with its status, a signal included. When the tool is
 * killed, the program goes with it (PR_SET_PDEATHSIG). */
#ifndef HWCKPT_SUPERVISE_H
#define HWCKPT_SUPERVISE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor {
  sigset_t original;             /* the mask we were started with */
  struct sigaction child_action; /* and what became of SIGCHLD */
  int signals;                   /* signalfd of all we stand in for */
  int terminal;      /* ours to give: we were in front of it; else -1 */
  int asked;         /* the last signal by which somebody wants us to end, 0 */
  uint64_t asked_ns; /* when, CLOCK_BOOTTIME */
  pid_t asked_by;    /* 0: the terminal */
};

/* The program, as the supervisor sees it. */
struct supervised {
  pid_t pid;   /* in our own pid namespace */
  pid_t init;  /* 0: our child; else the init process that reaps it for us */
  int pidfd;   /* with an init: where signals go. Else -1 */
  int reports; /* with an init: where struct init_report comes from. Else -1 */
};

/* What the init process of a private pid namespace says of the program. */
struct init_report {
  int status;  /* as of waitpid(): stopped, ended */
  bool others; /* it ended, and processes it left behind go on */
};

/* Takes over the signals; before the program's process is made. Returns 0 or a
 * negative errno. */
int supervise_begin(struct supervisor *supervisor);

/* In a new process that has got both ends of the pipe by which it sees that the
 * tool is gone: it holds that open no longer. The descriptors stay. */
void supervise_leave_life(const int life[2]);

/* In the new process: signals as the tool found them, and SIGKILL when the tool
 * dies. `life` is the read end of a pipe that only the tool holds open for
 * writing; false when the tool is gone already. */
bool supervise_release(const struct supervisor *supervisor, int life);

/* In the new process, before that: its process group, which it has made, takes
 * our place in front of the terminal. When the program has ended and nobody is
 * there, supervise() takes it back. */
void supervise_put_in_front(const struct supervisor *supervisor, pid_t group);

/* Other descriptors to look after: `ready` is called when one can be read,
 * until it returns false. It may set the others'; -1: none, for now. */
#define SUPERVISE_ALSO_MAX 2u
struct supervise_also {
  int fd;
  bool (*ready)(int fd, void *context);
  void *context;
};

/* Stands by until the program ends; returns its wait status. */
int supervise(struct supervisor *supervisor, struct supervised *program,
              struct supervise_also *also, unsigned count);

/* Whether a signal came by which one ends a program, within that time. */
bool supervise_asked_to_end(const struct supervisor *supervisor,
                            uint64_t within_ns);

/* No program being there: waits so long, false: a signal came that ends us. */
bool supervise_pause(struct supervisor *supervisor, uint64_t ns);

/* Signals as the tool found them, for what follows in its place. */
void supervise_give_back(const struct supervisor *supervisor);

/* Ends the tool as the program ended: same status, same signal. */
_Noreturn void supervise_end_likewise(int status);

#endif
