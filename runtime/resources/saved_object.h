/* saved_object.h - in a restore, which records are of descriptors of one
 * object. */
#ifndef HWCKPT_RESOURCES_SAVED_OBJECT_H
#define HWCKPT_RESOURCES_SAVED_OBJECT_H

#include "resource.h"

/* The record of the inode's next descriptor after *index, whose own index is
 * then there; false: no more. Begin with *index = -1; they come in the order of
 * their numbers. */
bool saved_object_next(struct resource_source *source, uint64_t inode,
                       size_t *index, Descriptor *message);
/* What made room for that in scratch memory is gone. */
void saved_object_forget(struct resource_source *source);

#endif
