/* undo_back_private.h - what undo_back.c, undo_settle.c and undo_paths.c
 * share. */
#ifndef HWCKPT_CACHE_UNDO_BACK_PRIVATE_H
#define HWCKPT_CACHE_UNDO_BACK_PRIVATE_H

#include "undo_back.h"
#include "undo_entries.h"
#include "undo_stretch.h"

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
/* E315. number: a negative error; 0: none. */
void undo_warn(const struct undo *undo, const char *path, long number,
               const char *what);
/* The directory a path is in, and its last part; -1. No symbolic link is
 * followed, here and below. */
int undo_open_parent(const char *path, const char **last);
/* What a path leads to. */
bool undo_look_at(const char *path, struct identity *identity);
/* The file's bytes, size and time; the record is its UNDO_FILE. Not zero: it is
 * said why not. */
int undo_fill(const struct undo *undo, const struct undo_record *file, int fd,
              const char *path);

/* ---- undo_settle.c ---- */

/* Has the names of the stretch lead where they led. What is gone is made again,
 * with what it held. */
void undo_settle(struct undo *undo, struct undo_stretch *stretch);

#endif
