/* sections.h - critical sections of the program: no checkpoint is captured
 * while one is open.
 *
 * A capture closes the gate first: sections that begin then wait until the
 * threads go on, those of a thread that has one open do not. Invariant: while
 * the gate is closed and sections_close() was true, no section is open; so
 * there is none in any checkpoint.
 */
#ifndef HWCKPT_INTERFACE_SECTIONS_H
#define HWCKPT_INTERFACE_SECTIONS_H

#include "../error.h"

#include <stdbool.h>
#include <stdint.h>

/* On the checkpoint thread. Whether one is open that does not end within a
 * moment; then the end of the last wakes the thread (events_look_again()), and
 * it looks again at *again_ns, for the last may never end where there are many.
 */
bool sections_hold(uint64_t now_ns, uint64_t *again_ns);
/* Closes the gate, if all that are open end within a moment; else false, and it
 * stays open. */
bool sections_close(void);
/* Opens it; also while threads are stopped. */
void sections_let_in(void);
/* Waits until none is open, or for so long, with the gate open. */
void sections_await_end(uint64_t nanoseconds);
/* Whether the process has ever had one. */
bool sections_used(void);

/* One has been open for that long, and all processes of a checkpoint waited for
 * it: the error. */
int sections_refuse(uint64_t nanoseconds, struct hwckpt_error *error);

/* Of struct partners, where there are none: closes the gate just before the
 * stop. A section that was begun meanwhile is waited for, for a while. */
void sections_settle_begin(void);
int sections_settle(struct hwckpt_error *error);

/* Whether the calling thread has one open. Async-signal-safe. */
bool sections_own(void);
/* Ends those of the calling thread, however nested. Async-signal-safe. */
void sections_end_own(void);

/* In a forked child: those of other threads are not there. */
void sections_begin_in_child(void);
/* In the restored program: the gate is open. */
void sections_forget(void);

#endif
