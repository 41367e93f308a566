/* unhandled.h - signals without a handler, which threads that stand leave open.
 *
 * What the kernel does with a signal depends on the mask of whom it is sent to.
 * One that is to be ignored - SIGCHLD, say, to the thread that forked the child
 * - is dropped, unless it is blocked: then it is kept, and wakes another thread
 * whose epoll_wait() ends with EINTR. One that ends the program does so at once
 * unless all threads block it, as one does that waits in a save.
 *
 * Invariant: no handler of the program runs on a thread that stands. One that
 * is set by libc's functions (interface/interpose.c) waits for the end of a
 * stop, and for threads in saves to block the signal. One that is set by a
 * system call is seen where a stop or a save begins, and where all threads of a
 * stop stand, which then begins anew; what is left is that it runs on a thread
 * in a save that had begun before.
 *
 * Elsewhere only those that are ignored are left open (ignored.h).
 *
 * Left are the microseconds in which a handler of the runtime runs and nobody
 * stands: at the begin of a save, at a page that is protected.
 */
#ifndef HWCKPT_SUPPORT_UNHANDLED_H
#define HWCKPT_SUPPORT_UNHANDLED_H

#include <stdbool.h>
#include <stdint.h>

/* Sets of signals: bit n - 1 is signal n. */

/* Looks which have no handler; with handlers.h's lock held nobody sets one by
 * libc's functions. */
void unhandled_look(void);
/* What was seen, but for those that were set since. */
uint64_t unhandled_known(void);
/* Handlers are those of a checkpoint: is to be looked again. */
void unhandled_forget(void);
/* Those of the signals that have none now. */
uint64_t unhandled_of(uint64_t signals);
/* Those of what was seen that are ignored. */
uint64_t unhandled_ignored(void);
/* Whether those that were ignored when they were looked at still are. */
bool unhandled_still_ignored(void);

/* For interpose.c: a handler of the signal is to be set; 1 when it is to be
 * told afterwards, with what was put into *mask. */
int __hwckpt_handler_comes(int number, uint64_t *mask);
void __hwckpt_handler_came(uint64_t mask);

#endif
