/* restart.h - `hwckpt run --restart`: seeing a program through its failures.
 *
 * The supervisor runs `hwckpt run`, and after a failure `hwckpt restore`, as
 * its child, and stands by as they do by the program (supervise.h). Invariant:
 * it holds the application from the beginning to the end, so that nobody else
 * runs or restores it in between; what it does is said, and is in the
 * application's history before it is done. docs/supervision.md has the states.
 */
#ifndef HWCKPT_RESTART_H
#define HWCKPT_RESTART_H

#include "key.h"
#include "restart_policy.h"

struct restart_program {
  const char *cache, *application;
  const char *options; /* HWCKPT_OPTIONS of the program */
  char **program;      /* its arguments, itself first */
  bool force;          /* as of `hwckpt run`, and so is the key */
  const struct key_request *key;
  void (*in_child)(void);        /* before its command; null: nothing */
  void (*at_end)(void *context); /* before the tool ends; null: nothing */
  void *context;
};

/* Returns the exit status after a report, or ends as the program did. The
 * application is there. */
int restart_supervise(const struct restart *restart,
                      const struct restart_program *program);

#endif
