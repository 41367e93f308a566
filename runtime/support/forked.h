/* forked.h - the runtime's state in a forked child that is to be checkpointed.
 */
#ifndef HWCKPT_SUPPORT_FORKED_H
#define HWCKPT_SUPPORT_FORKED_H

#include <stdbool.h>

/* Whether the process has memory of its own: not between vfork and exec. Where
 * the kernel does not tell: false. Async-signal-safe. */
bool forked_is_apart(void);

/* In a child of libc's fork(): it has. */
void forked_note(void);

/* Forgets what was the parent's: threads of the runtime, their descriptors,
 * private memory but what `keeps` says is still used. With all signals blocked,
 * by one thread; others of the child may run. */
void forked_begin(bool (*keeps)(const void *memory));

#endif
