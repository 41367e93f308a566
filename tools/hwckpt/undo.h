/* undo.h - files as they were at a checkpoint, by the logs of what the program
 * changed since (runtime/cache/undo_log.h). */
#ifndef HWCKPT_UNDO_H
#define HWCKPT_UNDO_H

#include "runtime/cache/cache.h"

#include <stdbool.h>

struct undo_paths; /* what the logs speak of */

/* Reads the logs of what the application, or one process of it, changed since
 * the generation was taken, and adds them to *paths (null: the first). The
 * caller ends it. */
void undo_paths_add(struct undo_paths **paths, struct cache *cache,
                    const char *application, uint64_t generation);
void undo_paths_close(struct undo_paths *paths);
/* Whether a file that is gone, or shorter, may be as it was once they are taken
 * back. */
bool undo_may_bring(const struct undo_paths *paths, const char *path,
                    bool shorter);

/* Whether its name, or that of a directory it is in, may lead elsewhere then.
 */
bool undo_may_move(const struct undo_paths *paths, const char *path);

/* Takes back what was changed since the generation was taken, and removes the
 * logs that said it: what is changed from now on is in new ones. What cannot be
 * taken back is said in a warning. Killed in the middle, it goes on where it
 * was when it is called again. With keep, only the logs go. */
int undo_files(struct cache *cache, const char *application,
               uint64_t generation, bool keep, struct hwckpt_error *error);

#endif
