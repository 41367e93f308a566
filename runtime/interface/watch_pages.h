/* watch_pages.h - memory that is watched by write protection of its pages.
 *
 * A protected piece is opened for one instruction, which writes beside what is
 * watched, or in front of which its checkpoint was taken; and until the next
 * stop, where a write counts, or a system call may write. Invariant: in a stop
 * all pieces are open, so that what is captured has the program's own
 * protections.
 */
#ifndef HWCKPT_INTERFACE_WATCH_PAGES_H
#define HWCKPT_INTERFACE_WATCH_PAGES_H

#include "../support/memory_map.h"
#include "../support/quiesce.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* In the handlers of SIGSEGV and of a step (SIGTRAP): whether it is ours. */
bool watch_pages_fault(const siginfo_t *info, ucontext_t *context);
bool watch_pages_stepped(ucontext_t *context);

/* In a listener (calls.h), general registers only: a call may write to [begin,
 * end); or changes what is mapped there. */
void watch_pages_written(uint64_t begin, uint64_t end);
void watch_pages_mapped(uint64_t begin, uint64_t end);

/* What a call has written there is known. */
void watch_pages_seen(uint64_t begin, uint64_t end);

/* Between stops: opens all until the next, for writes of the runtime. */
void watch_pages_let(void);

/* While all threads stand: opens all; protects all. */
void watch_pages_open(void);
void watch_pages_close(void);

/* On the checkpoint thread, in a stop of its own: protects the pages of all
 * slots that are watched so, and forgets those of before. Bit per slot whose
 * memory cannot be. */
uint64_t watch_pages_protect(struct hwckpt_error *error);
/* What was let be open is protected again, in a stop of its own, now or later:
 * when to be asked again. *lost: what is mapped has changed, and
 * watch_pages_protect() is to be called. */
uint64_t watch_pages_look(uint64_t now_ns, bool *lost);
/* A checkpoint was not taken: what it was to protect again. */
void watch_pages_not_taken(void);

/* In a process where nothing is protected. */
void watch_pages_forget(void);

#endif
