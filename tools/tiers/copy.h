/* copy.h - generations from a cache into streams and back.
 *
 * Invariant: what is copied in is visible in the cache when all of it was read
 * and checked, to the stream's end, and not before.
 */
#ifndef HWCKPT_TIERS_COPY_H
#define HWCKPT_TIERS_COPY_H

#include "stream.h"

/* A generation that has all an older one has. */
struct copy_parent {
  uint64_t number, identity;
};

/* Writes a generation to a sink, with the parts it names when it is of several
 * processes: all of it, or, with parent, what it has that the parent has not.
 * The parent must be of its chain: copy_builds_on(). What processes have in
 * common is written once. */
int copy_out(struct cache *cache, struct cache_reader *reader,
             const struct copy_parent *parent, int level,
             const struct stream_sink *sink, struct hwckpt_error *error);

/* Checks all that a restore of the generation reads: of the parts too that it
 * names. */
int copy_check_cached(struct cache *cache, const char *application,
                      uint64_t number, struct hwckpt_error *error);

/* Has every part that the generation names checked, until one fails. */
typedef int copy_check_part(const char *part, uint64_t number, void *context,
                            struct hwckpt_error *error);
int copy_check_parts(struct cache *cache, const char *application,
                     uint64_t number, copy_check_part *check, void *context,
                     struct hwckpt_error *error);

/* What failed with a generation of a part fails that which names it: a missing
 * one as a generation on which it builds would. */
int copy_part_failed(const char *application, uint64_t number, const char *part,
                     uint64_t part_number, int failed,
                     struct hwckpt_error *error);

/* Whether the generation builds on that one. */
bool copy_builds_on(struct cache_reader *reader,
                    const struct copy_parent *parent);

/* Makes a generation of streams, the first of which stands alone and each other
 * one builds on the one before: a base of the application, whose directory must
 * be there. The last stream is opened twice. Of several processes the parts are
 * made first, and the first process's generation, which names them, last; where
 * their numbers are taken they get others. Nothing of it remains when it fails.
 */
struct copy_sources {
  int (*open)(void *context, size_t i, struct stream_source *source,
              struct hwckpt_error *error);
  void (*close)(void *context, size_t i);
  void *context;
  size_t count;
};
/* Reads a stream, checks all that copy_in() checks before it makes anything,
 * and says what it is of. */
int copy_check(const struct stream_source *source,
               struct stream_identity *identity, struct hwckpt_error *error);

int copy_in(struct cache *cache, const char *application,
            const struct copy_sources *sources, int level,
            struct cache_generation *result, struct hwckpt_error *error);

#endif
