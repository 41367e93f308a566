/* park.h - the places where stopped threads stand, and how they leave them.
 *
 * A thread parks in a signal handler: it takes a slot, fills it with what only
 * the thread itself can tell, and waits there. One word holds the number of the
 * stop, whether it is under way and how many have parked in it, so that a
 * thread belongs to a stop or does not, whatever else happens at that moment.
 * While it stands it leaves signals open that have no handler (unhandled.h).
 * Invariant: between park_begin() and park_end() a thread that is counted does
 * not leave, and no stop begins before all threads of the last have left.
 *
 * Only for quiesce.c and its tests; quiesce.h is the face.
 */
#ifndef HWCKPT_SUPPORT_PARK_H
#define HWCKPT_SUPPORT_PARK_H

#include "quiesce.h"

/* Memory of the places; before anything else here. False: there is none. */
bool park_open(void);

/* Processors that this thread may use, which are those of the thread that
 * started it. */
unsigned park_processors(void);

/* quiesce_park() of thread tid, which is the caller's. */
bool park_at(enum park_reason reason, ucontext_t *context, int tid);

/* On the checkpoint thread: waits until all have left the stop before. */
void park_drain(void);
/* The same; then a stop is under way. */
void park_begin(void);
/* Threads that stop leave no signals open from now on; before park_end(). */
void park_leave_none_open(void);
/* How many threads stand: in this stop, and in saves. */
unsigned park_standing(void);
/* Waits until `wanted` threads stand or the time is over. */
void park_await(unsigned wanted, uint64_t timeout_ns);
/* Whether the thread stands. */
bool park_stands(int tid);
/* All that stand, while none can come; their number. They count as captured
 * from now on. */
unsigned park_collect(struct parked *threads);
/* Lets all go on but those in saves. */
void park_end(void);

/* Gives the saves that were captured, or came before that, their result. */
void park_finish_saves(uint64_t before_ns, int result);
/* The same for all that wait to be rolled back. */
void park_finish_loads(int result);

/* Sends the stopped threads, which are in the array, on the errand; waits until
 * they are back; or, instead, forgets them. */
void park_send(const struct quiesce_errand *errand,
               const struct parked *threads, unsigned count);
void park_recall(unsigned count);
void park_abandon(const struct parked *threads, unsigned count);

/* Threads that park, are parked or have not left yet. */
unsigned park_leaving(void);

/* On a thread of the program, with handlers.h's lock held: has the signals
 * blocked by threads in saves; false: threads stand in a stop. */
bool park_block(uint64_t signals);
/* Whether it is this process whose threads stand, where any do. */
bool park_is_here(void);

/* In the restored program: nobody stands. */
void park_forget(void);

#endif
