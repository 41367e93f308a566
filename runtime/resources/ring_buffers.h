/* ring_buffers.h - memory that is registered with an io_uring. */
#ifndef HWCKPT_RESOURCES_RING_BUFFERS_H
#define HWCKPT_RESOURCES_RING_BUFFERS_H

#include "resource.h"

/* Puts `count` rows of the ring's table of buffers, and names their memory to
 * the sink. *reason: null, or why they cannot be saved. */
int ring_buffers_save(struct resource_sink *sink, const Descriptor *message,
                      uint64_t count, const char **reason,
                      struct hwckpt_error *error);
/* Registers them with a new ring; 0 or a negative errno. */
long ring_buffers_restore(const struct resource_source *source, int ring,
                          uint32_t count);

#endif
