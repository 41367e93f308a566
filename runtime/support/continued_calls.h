/* continued_calls.h - system calls that a stop cuts short, and that cannot just
 * be made again: transfers of which a part is done, and waits for a socket
 * whose time is set on the socket.
 *
 * Invariant: the program gets the result that the call would have had; a
 * signal of the program's own still cuts it short. On the thread itself, in the
 * handler that interrupted it.
 */
#ifndef HWCKPT_SUPPORT_CONTINUED_CALLS_H
#define HWCKPT_SUPPORT_CONTINUED_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* The call `number` has just returned a part: the rest is put into the context,
 * before its start. False: what was returned stands. */
bool continued_transfer(long number, ucontext_t *context);
/* The call `number` has been interrupted and began at begin_ns: where it waits
 * for a socket that has a timeout, the context goes on waiting, before the
 * start of the call that does. */
bool continued_wait(long number, ucontext_t *context, uint64_t begin_ns);
/* Whether the second may be so, looked at from another thread. */
bool continued_wait_began_unseen(long number);
/* The number of the call just returned from, -1: it is none of ours. */
long continued_number(const ucontext_t *context);

#endif
