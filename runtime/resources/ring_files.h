/* ring_files.h - files that are registered with an io_uring. */
#ifndef HWCKPT_RESOURCES_RING_FILES_H
#define HWCKPT_RESOURCES_RING_FILES_H

#include "resource.h"

/* Puts the rows of the ring's table of files that are not empty. *reason: null,
 * or why they cannot be saved. */
int ring_files_save(struct resource_sink *sink, const Descriptor *message,
                    const char **reason, struct hwckpt_error *error);
/* Registers a table of `count` rows with a new ring, when all descriptors are
 * there; 0 or a negative errno. */
long ring_files_restore(const struct resource_source *source, int ring,
                        uint32_t count);

#endif
