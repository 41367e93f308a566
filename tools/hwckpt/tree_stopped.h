/* tree_stopped.h - members that a signal has stopped (SIGSTOP and the like), in
 * one checkpoint of all.
 *
 * They are traced (ptrace(2)) for that time, so that the runtime's threads run
 * in them, and of the program's threads nothing but the runtime's signal
 * handler, from where each is held again before the program's next instruction.
 * Invariant: nobody sees a difference: let go of, or when this process ends,
 * the threads stand in the same stop as before, and no parent is told. */
#ifndef HWCKPT_TREE_STOPPED_H
#define HWCKPT_TREE_STOPPED_H

#include "tree_members.h"

/* Whether it is stopped, and not traced by us. */
bool tree_stopped_is(const struct tree_member *member);
/* Traces it; false: it may not be. */
bool tree_stopped_hold(struct tree_member *member);
/* When all stand, traces one that has been stopped since it does, as of the
 * last look at it or soon: nobody of the tree can stop or continue it any more.
 */
void tree_stopped_hold_late(struct tree_member *member);
/* Has those run that are to; returns whether one did something. */
bool tree_stopped_look(struct tree_member *member);
/* Whether it is still stopped, but for us. */
bool tree_stopped_stays(const struct tree_member *member);
/* Whether its runtime does nothing: it must not stop while it has a lock that
 * others wait for. */
bool tree_stopped_is_idle(const struct tree_member *member);
/* It stands as it stood, or goes on, if somebody let it meanwhile. */
void tree_stopped_let_go(struct tree_member *member);

/* While some are traced nobody else of this process may wait for a child: what
 * a tracer is told would be taken from it. False: not now; a SIGCHLD comes when
 * that is over. */
bool tree_stopped_may_wait(void);
void tree_stopped_has_waited(void);

#endif
