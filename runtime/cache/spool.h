/* spool.h - a list that is appended to and then gone through from its
 * beginning, of which no more than the end is in memory: the rest lies in a
 * file without a name.
 *
 * Invariant: what is read back is what was written, or the reading fails.
 */
#ifndef HWCKPT_CACHE_SPOOL_H
#define HWCKPT_CACHE_SPOOL_H

#include "format.h"
#include "memory.h"
#include "nameless.h"

struct spool {
  size_t most;               /* bytes in memory; SIZE_MAX: all, and no file */
  struct buffer end;         /* what is not in the file */
  struct nameless file;      /* what came before */
  struct format_hashing sum; /* of what is in the file */
};

static inline uint64_t spool_length(const struct spool *spool) {
  return spool->file.length + spool->end.length;
}

/* Appends no more than `most` bytes. The place is the file's, in `directory`;
 * an error of it leaves a list that is not to be used any more. */
int spool_append(struct spool *spool, const struct place *place, int directory,
                 const void *data, size_t length, struct hwckpt_error *error);

/* Whoever goes through a list is handed it piece by piece. */
typedef int spool_visit_fn(void *context, const void *data, size_t length,
                           struct hwckpt_error *error);

/* Goes through the list, which may be done more than once. `room` is for what
 * is in the file. That this is not what was written is an error behind all of
 * it: what the visitor makes of a list counts when the result is 0. */
int spool_each(const struct spool *spool, const struct place *place, void *room,
               size_t room_size, spool_visit_fn *visit, void *context,
               struct hwckpt_error *error);

void spool_free(struct spool *spool, const struct place *place, int directory);

#endif
