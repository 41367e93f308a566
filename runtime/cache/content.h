/* content.h - which page content is in the log already, and where: what is put
 * again is referred to, not written.
 *
 * Pages are known by 96 bits of XXH3-128 under a random seed (and by the bucket
 * they are in), so that equal content is taken for equal: with 2^28 pages (1
 * TiB) known and as many put, that errs with a chance below 2^-40.
 *
 * Invariant: memory follows the number of pages of one generation, 18 to 23
 * bytes for each; what finds no room is forgotten, which costs a copy and
 * nothing else.
 */
#ifndef HWCKPT_CACHE_CONTENT_H
#define HWCKPT_CACHE_CONTENT_H

#include "format.h"
#include "memory.h"

struct content_entry {
  uint64_t low;
  uint32_t high;
  uint32_t place; /* frame * FORMAT_FRAME_PAGES + page, plus 1; 0: free */
};

/* A frame of the log, or one that will be. */
struct content_frame {
  struct format_frame frame; /* segment 0: not to be referred to */
  uint64_t stamp;            /* of the last generation that refers to it */
  uint32_t index;            /* where in that one's list of frames */
};

/* The table is in shards, each of which grows on its own: while one does, no
 * more than that one is there twice. */
#define CONTENT_SHARDS 16u
struct content_shard {
  struct content_entry *entries;
  size_t buckets, count;
  uint32_t victim;
};

struct content {
  uint64_t seed;
  struct content_shard shards[CONTENT_SHARDS];
  size_t count;         /* entries, in all of them */
  struct buffer frames; /* struct content_frame */
  uint64_t pages_max;   /* pages there is reason to remember */
};

static inline struct content_frame *content_frame(const struct content *content,
                                                  uint32_t number) {
  return (struct content_frame *)content->frames.data + number;
}

/* Forgets all; the seed stays. */
void content_forget(const struct cache_env *env, struct content *content);

/* Adds a frame that pages will be said to be in; false when there is no room.
 */
bool content_add_frame(const struct cache_env *env, struct content *content,
                       const struct content_frame *frame, uint32_t *number);

/* Says that a page of a frame has that content. */
void content_add(const struct cache_env *env, struct content *content,
                 struct format_page_hash hash, uint32_t frame, unsigned page);

/* Where the content is, in a frame that may be referred to by the generation
 * with that stamp. */
bool content_find(struct content *content, struct format_page_hash hash,
                  uint64_t stamp, uint32_t *frame, unsigned *page);

/* No frame with that stamp and number `from` or above may be referred to any
 * more: its generation was not committed, or holds its frames itself. */
void content_drop(struct content *content, uint32_t from);

/* Forgets the frames that keep() does not say to be there. */
void content_sweep(struct content *content,
                   bool (*keep)(const struct format_frame *frame,
                                void *context),
                   void *context);

#endif
