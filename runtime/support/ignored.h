/* ignored.h - signals that are ignored, which short pieces of the runtime on
 * the program's threads leave open, for what unhandled.h says of them.
 *
 * Invariant: no handler of the program runs in such a piece. Who sets one by
 * libc's functions closes the signal first, and waits for the threads that have
 * left it open. Async-signal-safe, general registers only.
 */
#ifndef HWCKPT_SUPPORT_IGNORED_H
#define HWCKPT_SUPPORT_IGNORED_H

#include <stdint.h>

/* The thread begins, or ends, such a piece: what it may leave open (bit n - 1
 * is signal n), and what the end is to be told. */
uint64_t ignored_begin(uint32_t *turn);
void ignored_end(uint32_t turn);

/* With handlers.h's lock held: which they are from now on; some are not any
 * more, and threads that left them open are through, or do not end in a second.
 */
void ignored_set(uint64_t signals);
void ignored_close(uint64_t signals);

/* In a child, and in the restored program: no thread is in such a piece. */
void ignored_forget(void);

#endif
