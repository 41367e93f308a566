/* queue.h - the kernel's queue of writes, for cache_io_kernel: see there. */
#ifndef HWCKPT_CACHE_QUEUE_H
#define HWCKPT_CACHE_QUEUE_H

#include "cache.h"

int queue_open(void *memory);
int queue_write(void *memory, int fd, const void *buffer, size_t length,
                uint64_t offset, unsigned tag);
int queue_wait(void *memory, unsigned *tag, long *result);
void queue_close(void *memory);

#endif
