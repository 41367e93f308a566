/* running.h - programs that run with hwckpt's runtime, found in /proc. */
#ifndef HWCKPT_RUNNING_H
#define HWCKPT_RUNNING_H

#include "runtime/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* Whether it handles the runtime's signal and has the runtime in its memory:
 * then that signal does not kill it. */
bool running_has_runtime(pid_t pid);

/* The one process whose application name (as given to it) or file name is
 * `name`, children of such processes left out. */
int running_find(const char *name, pid_t *pid, struct hwckpt_error *error);

#endif
