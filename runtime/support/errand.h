/* errand.h - what only a thread of the program can do, done while it is
 * stopped. */
#ifndef HWCKPT_SUPPORT_ERRAND_H
#define HWCKPT_SUPPORT_ERRAND_H

#include "../error.h"

/* Between quiesce_stop(), which stopped `count` threads, and quiesce_resume():
 * each of them does the task at the same time, on a stack of 16 KiB, with all
 * signals blocked; `thread` is its place in the array of the stop. Returns when
 * all have done it: a task that waits brings its own deadline. 0, or E204
 * where there is no memory for the stacks. On the checkpoint thread. */
int errand_of_all(void (*task)(unsigned thread, void *argument), void *argument,
                  unsigned count, struct hwckpt_error *error);

#endif
