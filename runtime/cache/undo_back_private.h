/* undo_back_private.h - what undo_back.c and undo_paths.c share. */
#ifndef HWCKPT_CACHE_UNDO_BACK_PRIVATE_H
#define HWCKPT_CACHE_UNDO_BACK_PRIVATE_H

#include "undo_back.h"
#include "undo_entries.h"

struct undo {
  const struct undo_target *target;
  const struct cache_env *env;
  struct hwckpt_error *error;
  uint64_t first, last; /* logs that lead back to it; 0: none */
  bool broken;          /* one of them cannot be used */
  bool quiet;           /* which need not be said yet */
  struct replacements replacements;
  struct undo_entries entries; /* of the log at hand */
};

/* Finds the logs. */
int undo_find_logs(struct undo *undo);
/* What a path leads to, no symbolic link being followed. */
bool undo_look_at(const char *path, struct identity *identity);

#endif
