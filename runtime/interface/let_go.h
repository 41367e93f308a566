/* let_go.h - memory that a userfaultfd of the program is to be registered for,
 * while by the runtime's written pages of it are found: one alone may have it,
 * so the checkpoint thread lets it go. */
#ifndef HWCKPT_INTERFACE_LET_GO_H
#define HWCKPT_INTERFACE_LET_GO_H

#include <stdbool.h>
#include <stdint.h>

/* On a thread of the program: whether the runtime has let go of [begin, end),
 * which is between two checkpoints. false: it did not have all of it, it is not
 * to be waited for here (in a critical section or a callback), or it was busy
 * for a second: it may wait for this thread by then, as for one that serves
 * faults. */
bool __hwckpt_let_go(uint64_t begin, uint64_t end);

/* In a child after fork(): a call that another thread of its parent was in is
 * not the child's. */
void let_go_begin_in_child(void);

/* On the checkpoint thread. */
void let_go_serve(void);
/* Whether a thread waits; since before the checkpoint, perhaps. */
bool let_go_waits(void);

#endif
