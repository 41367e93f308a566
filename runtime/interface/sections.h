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

#include <stdbool.h>

/* On the checkpoint thread. Whether one is open; then its end wakes the thread
 * (events_look_again()). */
bool sections_open(void);
/* Closes the gate, if all that are open end within a moment; else false, and it
 * stays open. */
bool sections_close(void);
/* Opens it; also while threads are stopped. */
void sections_let_in(void);

/* Whether the calling thread has one open. Async-signal-safe. */
bool sections_own(void);

/* In a forked child: those of other threads are not there. */
void sections_begin_in_child(void);
/* In the restored program: the gate is open. */
void sections_forget(void);

#endif
