/* catalog.h - all generations of an application at a glance: enough to list
 * them, to see which can be restored, and to choose what retention removes. */
#ifndef HWCKPT_CACHE_CATALOG_H
#define HWCKPT_CACHE_CATALOG_H

#include "reader.h"

struct catalog_entry {
  uint64_t number;
  uint64_t identity;
  uint64_t base;   /* number of the base it builds on, 0: cannot be restored */
  uint64_t newest; /* of a base: the newest generation that builds on it */
  uint64_t newest_ns; /* of a base: when that was committed */
  int damage; /* code, 0 when it can be restored as far as what was read says */
};

/* Reads the headers and commit records of every generation, in ascending
 * order, appends an entry for each, and calls visit (when not null). */
int catalog_read(struct cache *cache, const char *application, int directory,
                 struct buffer *entries,
                 int (*visit)(const struct cache_generation *, int, void *),
                 void *context, struct hwckpt_error *error);

/* The same, entries alone, and reads the indexes too: one that is damaged
 * counts as a header that is. */
int catalog_read_indexes(struct cache *cache, const char *application,
                         int directory, struct buffer *entries,
                         struct hwckpt_error *error);

#endif
