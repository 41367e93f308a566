/* same_object.h - which descriptors of the program are of one object. */
#ifndef HWCKPT_RESOURCES_SAME_OBJECT_H
#define HWCKPT_RESOURCES_SAME_OBJECT_H

#include "resource.h"

/* Makes the index of all facts that are there now. */
void same_object_index(struct resource_sink *sink);
/* The fact of the object after *index, whose own index is then there; false: no
 * more. Begin with *index = -1; they come in the order of sink->facts. */
bool same_object_next(const struct resource_sink *sink, uint64_t device,
                      uint64_t inode, size_t *index);
/* Whether a lower descriptor is of the same object. */
bool same_object_is_lower(const struct resource_sink *sink,
                          const Descriptor *message);

#endif
