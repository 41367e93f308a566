/* undo_stretch.h - the names of one stretch of an undo log, found by path, by
 * the file that belongs there and by the file that is there.
 *
 * A stretch is what was noted between two renames of folders (undo_log.h):
 * within it a path is of one name, which is noted once, as it was when the
 * stretch began.
 *
 * Invariant: every look-up is one in a sorted array.
 */
#ifndef HWCKPT_CACHE_UNDO_STRETCH_H
#define HWCKPT_CACHE_UNDO_STRETCH_H

#include "undo_entries.h"

struct undo_stretch {
  struct undo_entries *entries;
  size_t begin, end;      /* of entries */
  size_t *by_path, names; /* entries that are names */
  struct undo_place {
    struct identity file;
    size_t name; /* an entry */
  } *homes, *places;
  size_t home_count;  /* where files belong */
  size_t place_count; /* where they are: names that lead somewhere */
};

/* `look` tells what a path leads to. False: no memory. To be freed in each
 * case. */
bool undo_stretch_open(struct undo_stretch *stretch,
                       struct undo_entries *entries, size_t begin, size_t end,
                       bool (*look)(const char *path,
                                    struct identity *identity));
void undo_stretch_free(struct undo_stretch *stretch);

/* The record of the name; null: none. */
const struct undo_entry *undo_stretch_name(const struct undo_stretch *stretch,
                                           const char *path);
/* Where the file belongs that is `file` now; *place is 0 at first, and counts
 * on. Null: no more. */
const struct undo_entry *undo_stretch_home(const struct undo_stretch *stretch,
                                           const struct identity *file,
                                           size_t *place);
/* A name where the file is, and does not belong; null: none. */
const struct undo_entry *undo_stretch_place(const struct undo_stretch *stretch,
                                            const struct identity *file);
/* The file is where the other name leads. */
void undo_stretch_moved(struct undo_stretch *stretch,
                        const struct identity *file,
                        const struct undo_entry *from,
                        const struct undo_entry *to);

#endif
