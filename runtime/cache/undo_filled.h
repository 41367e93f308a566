/* undo_filled.h - which blocks of files were taken back, where several
 * processes of a program have logs of their own.
 *
 * Each log says what a block held when its process first changed it; what
 * another process had changed by then is in that. Of two logs that have a block
 * the one says the state of the checkpoint that found the file less changed:
 * the time of modification that its UNDO_FILE record has tells. (Since Linux
 * 6.13 the kernel gives a change after that time was asked for another one;
 * before, changes within some milliseconds have the same, and the order of the
 * logs is chance.) Within the logs of one process their own order counts.
 */
#ifndef HWCKPT_CACHE_UNDO_FILLED_H
#define HWCKPT_CACHE_UNDO_FILLED_H

#include "memory.h"

/* All zero but for env: nothing is taken back yet. */
struct undo_filled {
  const struct cache_env *env;
  unsigned process; /* whose logs are taken back, counted from 0 */
  struct buffer table;
  size_t count, room; /* entries */
};
void undo_filled_close(struct undo_filled *filled);

/* A state of a file that is about to be brought about. */
struct undo_state_of {
  uint64_t device, inode;
  uint64_t mtime_ns, size;
};
/* What is now seen of it is of the process; size and time that the file is to
 * have are those of the log that found it least changed. False: no memory. */
bool undo_filled_file(struct undo_filled *filled, struct undo_state_of *file);
/* Whether the block at this place in the file is to be filled by this log, and
 * notes that. -1: no memory. */
int undo_filled_block(struct undo_filled *filled,
                      const struct undo_state_of *file, uint64_t block);

#endif
