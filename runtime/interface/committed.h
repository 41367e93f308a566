/* committed.h - the number of the newest durable generation, and waiting for
 * one. */
#ifndef HWCKPT_INTERFACE_COMMITTED_H
#define HWCKPT_INTERFACE_COMMITTED_H

#include <stdint.h>

/* At the start: the one that the program came back from, 0: none. */
void committed_start(uint64_t generation);
/* On the checkpoint thread: so it is now; threads that wait are woken. */
void committed_tell(uint64_t generation);
/* 0: none. Async-signal-safe. */
uint64_t committed_newest(void);

#endif
