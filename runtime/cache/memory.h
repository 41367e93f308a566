/* memory.h - growing arrays and structures over cache_env.
 *
 * Invariant: every buffer has one owner, which frees it; a failed reserve
 * leaves the buffer as it was.
 */
#ifndef HWCKPT_CACHE_MEMORY_H
#define HWCKPT_CACHE_MEMORY_H

#include "cache.h"

struct buffer {
  void *data;
  size_t length;   /* bytes in use */
  size_t capacity; /* bytes mapped */
};

/* Makes room for `length` bytes in all; false when there is no memory. Growth
 * doubles, so appending costs amortised constant time. */
bool buffer_reserve(const struct cache_env *env, struct buffer *buffer,
                    size_t length);
bool buffer_append(const struct cache_env *env, struct buffer *buffer,
                   const void *data, size_t length);
void buffer_free(const struct cache_env *env, struct buffer *buffer);

#endif
