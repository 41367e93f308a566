/* drain.h - the runtime's thread that empties the ring into the cache.
 *
 * It codes and writes while the checkpoint thread captures, so that a capture
 * waits for the disk only when the ring is full. Invariant: between
 * drain_begin() and drain_finish() only this thread puts pages to the writer.
 */
#ifndef HWCKPT_SUPPORT_DRAIN_H
#define HWCKPT_SUPPORT_DRAIN_H

#include "ring.h"

/* Starts the thread. On the checkpoint thread, whose descriptors it shares. */
int drain_open(struct ring *ring, struct hwckpt_error *error);

/* What is put into the ring from now on goes to this writer. */
void drain_begin(struct cache_writer *writer);

/* Whether the writer failed: what is put is discarded. */
bool drain_failed(void);

/* Waits until all that was put is with the writer: 0, or its failure. */
int drain_finish(struct hwckpt_error *error);

/* Processor time that its thread took since drain_begin(). */
uint64_t drain_cpu_ns(void);

/* What putting a page to the writer took of late; 0: not known. */
uint64_t drain_page_ns(void);

/* In the restored program: there is no such thread. */
void drain_forget(void);

#endif
