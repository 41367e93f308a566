/* ring_memory.h - the memory of an io_uring: how large it is, what a new one
 * has in it, and where it is mapped. */
#ifndef HWCKPT_RESOURCES_RING_MEMORY_H
#define HWCKPT_RESOURCES_RING_MEMORY_H

#include "resource.h"

/* Bytes of the thing that is mapped at that offset, of a ring whose entries and
 * layout the message has. */
uint64_t ring_memory_size(const IoUring *state, uint32_t offset);

/* A new ring, of which the calling thread may submit, counts on from where the
 * old one was and gets its content, which is in the program's memory still; 0
 * or a negative errno. */
long ring_memory_fill(int ring, const IoUring *state);
/* Maps it where the old one was. While no other thread runs. */
long ring_memory_take_place(struct resource_source *source, int ring,
                            const IoUring *state);

#endif
