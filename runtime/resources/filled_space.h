/* filled_space.h - mappings at the one place where they were, of files whose
 * driver takes no address (io_uring): while all else of the address space is
 * taken, the kernel can choose no other. */
#ifndef HWCKPT_RESOURCES_FILLED_SPACE_H
#define HWCKPT_RESOURCES_FILLED_SPACE_H

#include <stddef.h>
#include <stdint.h>

struct filled_space {
  uint64_t (*holes)[2]; /* start and end, each a mapping of no use for now */
  size_t count;
};

/* Takes all that is free, with the memory's room for a list of holes; 0 or a
 * negative errno. While no other thread runs. Afterwards, whatever the
 * result, filled_space_empty(). */
long filled_space_fill(struct filled_space *space, void *memory, size_t room);
void filled_space_empty(const struct filled_space *space);

/* Replaces what is at that place, when the space is filled. */
long filled_space_map(uint64_t start, uint64_t length, uint32_t protection,
                      int fd, uint32_t offset);

#endif
