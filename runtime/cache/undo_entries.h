/* undo_entries.h - the records of one undo log, found by file. Its names are
 * found in undo_stretch.h.
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
  uint64_t said_in; /* the log that says so; 0: none does */
};

struct replacements {
  struct replaced *at; /* in room */
  size_t count;
  struct buffer room;
};

struct undo_entry {
  struct undo_record record;
  struct identity now; /* the file, or what was made in its place */
  size_t at;           /* in the log */
  bool filled;         /* of UNDO_FILE: its content is as it was */
};

struct undo_entries {
  const struct cache_env *env;
  struct undo_entry *at; /* as in the log; in room */
  size_t count;
  struct buffer room;
  size_t *by_file;     /* all of them, by the file they are about */
  size_t left;         /* of them: names and files behind are taken back */
  bool begun;          /* it says which generation it is from: */
  uint64_t generation; /* 0: none was there yet */
  bool lost;           /* what was changed is not in it */
  size_t length;       /* bytes of the log that are whole records */
};

int compare_identity(const struct identity *a, const struct identity *b);
bool same_identity(const struct identity *a, const struct identity *b);
/* Of the file that a record is about. */
struct identity identity_of(const struct undo_record *record);
/* Of what a path leads to from a directory on; "": the directory itself. */
bool identify(int directory, const char *path, struct identity *identity);

typedef int compare_rows(const void *a, const void *b, const void *context);
/* In place, and never slower than count times its logarithm. */
void sort_rows(void *rows, size_t count, size_t size, compare_rows *compare,
               const void *context);

/* Another file has the place of the one that went; in whose place another may
 * be put again. False: no memory. */
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
struct undo_entry *undo_entries_find(const struct undo_entries *entries,
                                     enum undo_kind kind,
                                     const struct undo_record *of);
/* The names among the entries from begin on, below end, that led to the file,
 * one after the other: *place is 0 at first. Null: no more. */
const struct undo_entry *undo_entries_home(const struct undo_entries *entries,
                                           const struct undo_record *of,
                                           size_t begin, size_t end,
                                           size_t *place);
/* Where the bytes end that an UNDO_DATA or UNDO_ZEROS says. */
uint64_t undo_end_of_data(const struct undo_record *data);

/* Calls visit for each of its UNDO_DATA and UNDO_ZEROS until one returns
 * non-zero. */
int undo_entries_each_data(
    const struct undo_entries *entries, const struct undo_record *of,
    int (*visit)(const struct undo_record *data, void *context), void *context);

#endif
