/* revive.h - threads as a generation has them: what only the thread itself can
 * take back, threads that are started again, and the moment all go on.
 *
 * For a restore and for a rollback. Invariant: no thread goes on before all
 * stand ready; then each ends in the signal frame it was parked with.
 */
#ifndef HWCKPT_SUPPORT_REVIVE_H
#define HWCKPT_SUPPORT_REVIVE_H

#include "records.pb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The memory of the program is there. `times`: what a save returns. */
void revive_begin(uint32_t times);

/* Decodes a record of type RECORD_THREAD. */
bool revive_decode(const void *data, size_t length, Thread *thread);

/* Starts a thread on its own stack; it stands ready. Its id, or a negative
 * errno. keep_id: with its old id or not at all. */
int revive_start(const Thread *thread, bool keep_id);

/* The calling thread becomes this one. */
void revive_become(const Thread *thread);

/* The calling thread, which has become this one, stands ready and goes on with
 * the others. */
_Noreturn void revive_stand_ready(const Thread *thread);

/* Waits until so many stand ready. */
void revive_wait(uint32_t count);
/* All that stand ready go on. */
void revive_go(void);

struct resource_source;
/* When all stand ready (on_others() of resource.h). */
void revive_have_others(const struct resource_source *source,
                        void (*task)(void *argument), void *argument);

#endif
