/* extents.h - content in records: the runs of it that are not zero, each with
 * where it begins. */
#ifndef HWCKPT_RESOURCES_EXTENTS_H
#define HWCKPT_RESOURCES_EXTENTS_H

#include "resource.h"

#define EXTENT_BLOCK ((size_t)4096)
/* Bytes that one record has before its content: where that begins. */
#define EXTENT_HEAD sizeof(uint64_t)

/* Puts the blocks of `length` bytes that are not zero, as records of that type:
 * they are at buffer + EXTENT_HEAD, and at `offset` of the whole. The first
 * EXTENT_HEAD bytes of the buffer are overwritten, and so are bytes that were
 * put. */
int extents_put(struct resource_sink *sink, uint32_t type, char *buffer,
                size_t length, uint64_t offset, struct hwckpt_error *error);

#endif
