/* undo_entries.h - the records of one undo log, found by file, by path and by
 * where files are now.
 *
 * Invariant: every look-up is one in a sorted array; a log of a hundred
 * thousand records is followed in a time that grows with their number.
 */
#ifndef HWCKPT_CACHE_UNDO_ENTRIES_H
#define HWCKPT_CACHE_UNDO_ENTRIES_H

#include "memory.h"
#include "undo_log.h"

#include <stdbool.h>

/* Numbers of inodes are used again: with a time they are not. */
struct identity {
  uint64_t device, inode, birth_ns;
  uint32_t mode; /* st_mode; counts by its S_IFMT, and 0 is any */
};

/* A file that went, and the one that was made in its place. */
struct replaced {
  struct identity then, now;
};

struct replacements {
  struct replaced *at; /* in room */
  size_t count;
  struct buffer room;
};

struct undo_entry {
  struct undo_record record;
  struct identity now; /* the file, or what was made in its place */
};

struct undo_entries {
  const struct cache_env *env;
  struct undo_entry *at; /* as in the log; in room */
  size_t count;
  struct buffer room;
  size_t *by_file; /* all of them, by the file they are about */
  size_t *by_path; /* the names */
  size_t names;
  struct undo_place_of {
    struct identity identity;
    size_t name;
  } *places; /* where names led when it was asked for; null: not yet */
  size_t place_count;
  uint64_t generation; /* 0: it says none */
  bool lost;           /* what was changed is not in it */
  size_t length;       /* bytes of the log that are whole records */
};

bool same_identity(const struct identity *a, const struct identity *b);
/* Of the file that a record is about. */
struct identity identity_of(const struct undo_record *record);
/* Of what a path leads to from a directory on; "": the directory itself. */
bool identify(int directory, const char *path, struct identity *identity);

/* Another file has the place of the one that went. False: no memory. */
bool replacements_add(const struct cache_env *env,
                      struct replacements *replacements,
                      const struct identity *then, const struct identity *now);
void replacements_free(const struct cache_env *env,
                       struct replacements *replacements);

/* Reads a log, whose memory must stay while the entries are used; replacements
 * that it tells of are added. To be freed in each case. */
enum undo_read { UNDO_READ_WHOLE, UNDO_READ_DAMAGED, UNDO_READ_NO_MEMORY };
enum undo_read undo_entries_read(const struct cache_env *env,
                                 struct undo_entries *entries, const void *log,
                                 size_t length,
                                 struct replacements *replacements);
void undo_entries_free(struct undo_entries *entries);

/* Sets where the file is that `then` was. */
void undo_entries_replace(struct undo_entries *entries,
                          const struct identity *then,
                          const struct identity *now);

/* The first record of the kind that is about the file; of names one that led to
 * it. Null: none. */
const struct undo_entry *undo_entries_find(const struct undo_entries *entries,
                                           enum undo_kind kind,
                                           const struct undo_record *of);
/* Calls visit for each of its UNDO_DATA until one returns non-zero. */
int undo_entries_each_data(
    const struct undo_entries *entries, const struct undo_record *of,
    int (*visit)(const struct undo_record *data, void *context), void *context);
/* The record of the name; null: none. */
const struct undo_entry *undo_entries_name(const struct undo_entries *entries,
                                           const char *path);
/* Whether a name in the log led to the file that is `there` now. */
bool undo_entries_lead_to(const struct undo_entries *entries,
                          const struct replacements *replacements,
                          const struct identity *there);
/* Whether another path of the log leads to the file now; looks at all. */
bool undo_entries_other_name(const struct undo_entries *entries,
                             const char *path, const struct identity *there,
                             bool (*look)(const char *path,
                                          struct identity *identity));
/* The path, of the names in the log, where the file of the entry is now; `look`
 * tells what a path leads to. Null: nowhere, or there is no memory to find it.
 */
const char *undo_entries_whereabouts(struct undo_entries *entries,
                                     const struct undo_entry *of,
                                     bool (*look)(const char *path,
                                                  struct identity *identity));

#endif
