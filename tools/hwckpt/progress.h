/* progress.h - what becomes of a restore: what restorer, resume code and loader
 * say, and what follows from it.
 *
 * Invariant: after a failure of what only they can do the program does not go
 * on, and the error was said. */
#ifndef HWCKPT_PROGRESS_H
#define HWCKPT_PROGRESS_H

#include "loader.h"
#include "restore.h"

struct progress {
  bool running, failed;
  enum hwckpt_code damage; /* in what is read after the beginning; 0: none */
  bool complete;           /* all memory is there, or not needed */
  struct loading loading;  /* uffd: -1 when nothing is loading */
  int tracking;            /* descriptor on its way to the program, -1: none */
  pid_t loader;
  const struct supervised *program;
  const struct generation *generation;
  const struct restore_request *request;
  uint64_t running_ns, complete_ns; /* after the tool began */
  /* Takes files back, once all else stands ready. */
  int (*roll_back)(void *context, struct hwckpt_error *error);
  void *roll_back_context;
  struct supervise_also also[2]; /* where they say it: status, loader */
};

/* Prepares for messages from status_fd, with the rest of it filled in. */
void progress_begin(struct progress *progress, int status_fd);

/* The program has ended: returns when its loader has too, which may have
 * children of the program to load yet. */
void progress_finish(struct progress *progress);

/* Says the error and ends the program, if there is one already. */
void progress_fail(struct progress *progress, const struct hwckpt_error *error);

#endif
