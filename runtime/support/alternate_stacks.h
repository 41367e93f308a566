/* alternate_stacks.h - a stack for signal handlers of threads that have none.
 *
 * A thread whose stack is used up, or whose stack pointer is wrong, can take a
 * fault's signal on another stack only. Threads get theirs in the stop of a
 * checkpoint, by way of their signal frame, so that the generation has it: it
 * is memory of the program. Invariant: a stack is given to one thread of those
 * that are there.
 */
#ifndef HWCKPT_SUPPORT_ALTERNATE_STACKS_H
#define HWCKPT_SUPPORT_ALTERNATE_STACKS_H

#include "quiesce.h"

/* Threads are to get stacks; on a thread of the program. */
void alternate_stacks_reserve(void);

/* In the stop, before anything is captured. */
void alternate_stacks_give(const struct parked *threads, unsigned count);

#endif
