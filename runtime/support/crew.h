/* crew.h - threads of the runtime that share out what there is to do while the
 * program stands still, and has no use for its processors.
 *
 * For the checkpoint thread. One task at a time.
 */
#ifndef HWCKPT_SUPPORT_CREW_H
#define HWCKPT_SUPPORT_CREW_H

#include "../error.h"

/* Members at most, the checkpoint thread (member 0) included. */
#define CREW_MAX 8u

/* A part of a task, on one of the crew. Parts are done in any order. */
typedef void crew_part(unsigned part, unsigned member, void *context);

/* Starts a thread for each processor that this thread may use, but one. */
int crew_open(struct hwckpt_error *error);

/* Begins a task of so many parts; the others are at it from now on. The context
 * lives until crew_finish(). */
void crew_begin(crew_part *part, unsigned parts, void *context);
/* Helps with the task, and returns when it is done. */
void crew_finish(void);

/* In the restored program: there are no threads. */
void crew_forget(void);

#endif
