/* callbacks.h - functions of the program around a checkpoint.
 *
 * They run one after the other on a thread of the program's libc that the first
 * registration starts, while the other threads run: so they may do what any
 * function of the program may. It is captured like any thread, waiting.
 * Invariant: between callbacks_before() and callbacks_after() it waits, or a
 * callback is late and the checkpoint was refused.
 */
#ifndef HWCKPT_INTERFACE_CALLBACKS_H
#define HWCKPT_INTERFACE_CALLBACKS_H

#include "../error.h"

#include <stdbool.h>

/* On the checkpoint thread: has those for "before" called. An error: one has
 * refused, or is late; 1: it was given up, by that function (null: never).
 * Those that were called are told. */
int callbacks_before(bool (*given_up)(void), struct hwckpt_error *error);
/* The program goes on; also while threads are stopped, and more than once. */
void callbacks_after(void);
/* The program is that of a checkpoint again. */
void callbacks_rolled_back(void);
void callbacks_restored(void);

/* Whether the calling thread is theirs. */
bool callbacks_own(void);

/* In a forked child: there are none. */
void callbacks_begin_in_child(void);

#endif
