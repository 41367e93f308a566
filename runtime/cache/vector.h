/* vector.h - the loops over all bytes that are stored: hashes, and whether a
 * page is zero.
 *
 * Each is there once for every vector unit (vector_loops.h); which one is used
 * is found out when the first is called. Invariant: all forms give the same
 * results, for what one writes another reads.
 *
 * No table of functions: the restorer moves its code before it calls them.
 */
#ifndef HWCKPT_CACHE_VECTOR_H
#define HWCKPT_CACHE_VECTOR_H

#include "cache.h"
#include "format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t vector_hash(const void *data, size_t length);
struct format_page_hash vector_hash_page(const void *page, uint64_t seed);
bool vector_is_zero_page(const void *page);

/* Whether these use AVX2; else SSE2, which every x86-64 has. */
bool vector_has_avx2(void);

/* ---- for vector.c, and to compare them ---- */

#define VECTOR_LOOPS(unit)                                                     \
  uint64_t vector_hash_##unit(const void *data, size_t length);                \
  struct format_page_hash vector_hash_page_##unit(const void *page,            \
                                                  uint64_t seed);              \
  bool vector_is_zero_page_##unit(const void *page);
VECTOR_LOOPS(sse2)
VECTOR_LOOPS(avx2)
#undef VECTOR_LOOPS

#endif
