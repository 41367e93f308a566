/* timed_waits.h - calls that wait for a time, made again after a stop.
 *
 * Invariant: a wait ends when it would have ended had it not been interrupted,
 * never earlier; in a restored program the time that was left goes on. All on
 * the thread that waits, in the handler that interrupted it, but for
 * timed_wait_restored().
 */
#ifndef HWCKPT_SUPPORT_TIMED_WAITS_H
#define HWCKPT_SUPPORT_TIMED_WAITS_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* Whether the call waits for a relative time of which it is not known when it
 * began. Looked at from another thread: arguments may point to anything. */
bool timed_wait_began_unseen(long number, const uint64_t arguments[6]);

/* The call that has been interrupted, and began at begin_ns, is put into the
 * context with the time that is left; at the end of a stop, again. */
void timed_wait_shorten(long number, ucontext_t *context, uint64_t begin_ns);
void timed_wait_refresh(long number, ucontext_t *context);

/* In the restored program: on a clock that may be another one. */
void timed_wait_restored(void);

/* CLOCK_MONOTONIC. */
uint64_t timed_wait_now(void);

#endif
