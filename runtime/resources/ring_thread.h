/* ring_thread.h - the thread of the kernel that submits what is in an io_uring
 * (SQPOLL). */
#ifndef HWCKPT_RESOURCES_RING_THREAD_H
#define HWCKPT_RESOURCES_RING_THREAD_H

#include "resource.h"

/* Fills what the record says of it; tid: as the kernel tells it, in its first
 * namespace of processes. Null, or why it cannot come back. */
const char *ring_thread_save(const struct resource_sink *sink, int tid,
                             IoUring *state);

#endif
