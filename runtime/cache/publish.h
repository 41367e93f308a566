/* publish.h - telling parts what is in a generation that is not committed yet.
 *
 * Invariant: what is told of is durable in the log, and nobody writes there
 * again; it stays as long as somebody writes to the log. So whoever refers to
 * it needs nothing else of the generation, which may come to nothing.
 */
#ifndef HWCKPT_CACHE_PUBLISH_H
#define HWCKPT_CACHE_PUBLISH_H

#include "format.h"
#include "memory.h"

/* Frames, and the hashes of their pages in that order. */
struct published {
  uint64_t seed;
  struct buffer bytes;
  const struct format_frame *frames;
  const struct format_page_hash *hashes;
  size_t frame_count, hash_count;
};

/* Reads what the one who writes in that directory has published; false: nothing
 * that can be read. The caller frees the bytes. */
bool published_read(struct cache *cache, const char *application, int directory,
                    struct published *published);

#endif
