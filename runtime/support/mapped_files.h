/* mapped_files.h - mapped memory that is of no file with a name: how far the
 * file goes, and what of it is in the pages of a generation.
 *
 * On the checkpoint thread, while the program stands still.
 */
#ifndef HWCKPT_SUPPORT_MAPPED_FILES_H
#define HWCKPT_SUPPORT_MAPPED_FILES_H

#include "../resources/resource.h"
#include "memory_map.h"

struct mapped_files {
  struct mapped_part *parts; /* private memory */
  size_t count;
};

int mapped_files_open(struct mapped_files *files, struct hwckpt_error *error);
/* Sets the areas' backed_end and lists the shared ones; E207 of one that could
 * not be restored. `memory` is a descriptor of /proc/self/mem. */
int mapped_files_find(struct mapped_files *files, struct memory_map *map,
                      int memory, struct hwckpt_error *error);

#endif
