/* loaded.h - in a restored program whose memory is still being loaded: waiting
 * until all of it is there.
 *
 * While memory is loaded, a userfaultfd of the loader's watches the program's
 * areas, and no other can: nothing can be captured before. What was written
 * meanwhile the watch knows; it is asked before the watch ends (handover.h).
 */
#ifndef HWCKPT_SUPPORT_LOADED_H
#define HWCKPT_SUPPORT_LOADED_H

#include "../../tools/restorer/plan.h"

/* Address of the gate, RESTORE_GATE_SIZE bytes, for the Process record. */
uint64_t loaded_gate(void);

/* The program was just restored; lazily: its memory is still being loaded. */
void loaded_restored(bool lazily);

/* Whether the loader's watch is there still. */
bool loaded_is_under_way(void);
/* Whether it is, and all memory is there. Waits for nothing. */
bool loaded_is_complete(void);

/* Returns when all memory is there. On a thread of the runtime that holds no
 * lock; the program runs meanwhile. */
void loaded_wait(void);

/* Ends the watch of a range of memory; all is there. What was moved until now,
 * null: it is not known. The answer lives until loaded_answered(), which is due
 * before the next. */
const struct restore_moved *loaded_release(uint64_t begin, uint64_t end);
void loaded_answered(void);

/* Ends the watch, whatever is left of it. */
void loaded_end(void);

#endif
