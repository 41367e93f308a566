/* secrets.h - of a hwckpt that has secrets no core is written.
 *
 * Invariant: from the beginning of main() where a secret is in the environment,
 * from before it is read where it is elsewhere, neither a core of this process,
 * nor /proc, gives it to another process of the same user (PR_SET_DUMPABLE,
 * prctl(2)). Children have that too, until they execute a program, which the
 * kernel gives back what is usual; resource limits, which it would keep, stay
 * as they are. */
#ifndef HWCKPT_SECRETS_H
#define HWCKPT_SECRETS_H

#include <stdbool.h>

/* From now on, for good. */
void secrets_keep(void);
/* The same, where the environment has what an object storage takes. */
void secrets_keep_environment(void);

/* Meanwhile our own files in /proc are not ours, but root's. For those that are
 * to be opened nevertheless: what it was, for secrets_close_proc(). Between
 * the two there may be a core. errno stays as it is. */
bool secrets_open_proc(void);
void secrets_close_proc(bool kept);

#endif
