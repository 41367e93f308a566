/* region_calls.h - hwckpt_region() and its like: which regions the program has
 * described, and who waits until a set is saved or loaded.
 *
 * The work is the checkpoint thread's, between checkpoints: none finds it half
 * done. What is described, and that a thread waits, is memory of the program:
 * after a restore or a rollback the thread is served again.
 */
#ifndef HWCKPT_INTERFACE_REGION_CALLS_H
#define HWCKPT_INTERFACE_REGION_CALLS_H

#include "../support/regions.h"

/* On a thread of the program: the i-th region of the set; null: there is none.
 * Valid as long as nobody describes another. */
const struct region *region_calls_of(const char *set, unsigned i);

/* In a child after fork(), which has one thread: a call that another thread of
 * its parent was in is not the child's. */
void region_calls_begin_in_child(void);

/* On the checkpoint thread: does what is waited for. */
void region_calls_serve(void);
/* Whether a thread waits. */
bool region_calls_wait(void);

#endif
