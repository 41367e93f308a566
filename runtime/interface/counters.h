/* counters.h - what checkpoints have cost so far, for the program to read:
 * hwckpt_statistics().
 */
#ifndef HWCKPT_INTERFACE_COUNTERS_H
#define HWCKPT_INTERFACE_COUNTERS_H

#include "../support/checkpoint.h"

/* On the checkpoint thread. */
void counters_taken(const struct checkpoint_result *result);
void counters_failed(void);
/* `fault`: because of a failure of the program. */
void counters_rolled_back(bool fault);
/* On any thread: it went back alone. */
void counters_thread_back(void);

#endif
