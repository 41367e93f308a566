/* undo_back.h - files as they were at a checkpoint, by the logs of what the
 * program changed since (undo_log.h): for a restore and for a rollback in
 * place.
 *
 * The files are not the cache's: they are reached by system calls, not by
 * cache_io. What cannot be taken back is a warning. Invariant: killed in the
 * middle, it goes on where it was when it is called again.
 */
#ifndef HWCKPT_CACHE_UNDO_BACK_H
#define HWCKPT_CACHE_UNDO_BACK_H

#include "cache.h"
#include "memory.h"
#include "undo_filled.h"

/* What is to be taken back: what the application, or one process of it, changed
 * since the generation was taken. */
struct undo_target {
  struct cache *cache;
  const char *application;
  uint64_t generation;
  /* The machine was started again since: what it lost of the logs is not known.
   */
  bool restarted;
  /* What was taken back by logs of other processes of the program; null: there
   * are none. */
  struct undo_filled *filled;
  /* E315, E330. */
  void (*warn)(const struct hwckpt_error *warning);
};

/* Takes it back, and removes the logs that said it: what is changed from now on
 * is in new ones. With keep, only the logs go. */
int undo_files(const struct undo_target *target, bool keep,
               struct hwckpt_error *error);

/* What the logs speak of. */
struct undo_paths {
  const struct cache_env *env; /* null: nothing was added yet */
  struct buffer list;
};

/* Reads the logs and adds what they speak of. */
int undo_paths_add(struct undo_paths *paths, const struct undo_target *target,
                   struct hwckpt_error *error);
void undo_paths_close(struct undo_paths *paths);
/* Whether a file that is gone, or shorter, may be as it was once they are taken
 * back. Null: no. */
bool undo_may_bring(const struct undo_paths *paths, const char *path,
                    bool shorter);
/* Whether its name, or that of a directory it is in, may lead elsewhere then.
 */
bool undo_may_move(const struct undo_paths *paths, const char *path);

#endif
