/* loaded.h - in a restored program whose memory is still being loaded: waiting
 * until all of it is there.
 *
 * While memory is loaded, a userfaultfd of the loader's watches the program's
 * areas, and no other can: nothing can be tracked or captured before. */
#ifndef HWCKPT_SUPPORT_LOADED_H
#define HWCKPT_SUPPORT_LOADED_H

#include <stdbool.h>
#include <stdint.h>

/* Address of the gate, RESTORE_GATE_SIZE bytes, for the Process record. */
uint64_t loaded_gate(void);

/* The program was just restored; lazily: its memory is still being loaded. */
void loaded_restored(bool lazily);

/* Returns when all memory is there. On a thread of the runtime that holds no
 * lock; the program runs meanwhile. */
void loaded_wait(void);

#endif
