/* spans.h - lists of address intervals, each with the slot its first page lies
 * in. The writer keeps what was put in one, replay keeps what is wanted and
 * what was found.
 *
 * Invariant: cost and memory follow the number of intervals, never their
 * lengths: an area of 16 TiB is one span.
 */
#ifndef HWCKPT_CACHE_SPANS_H
#define HWCKPT_CACHE_SPANS_H

#include "memory.h"

#define SPAN_NO_SLOT UINT64_MAX /* an interval without pages */

struct span {
  uint64_t begin, end; /* page-aligned addresses, begin < end */
  uint64_t slot;       /* of the page at begin, or SPAN_NO_SLOT */
};

struct spans {
  struct buffer buffer; /* of struct span */
};

static inline struct span *spans_at(const struct spans *spans) {
  return spans->buffer.data;
}
static inline size_t spans_count(const struct spans *spans) {
  return spans->buffer.length / sizeof(struct span);
}

/* The slot of the page at an address in it, or right behind it. */
static inline uint64_t span_slot(struct span span, uint64_t address) {
  return span.slot == SPAN_NO_SLOT
             ? SPAN_NO_SLOT
             : span.slot + (address - span.begin) / CACHE_PAGE_SIZE;
}

/* Whether a span goes on where the one before ends, in address and slot. */
static inline bool spans_continue(const struct span *before,
                                  const struct span *span) {
  return before->end == span->begin &&
         span_slot(*before, before->end) == span->slot;
}

/* Appends; merges with the last span when it goes on in address and slot. All
 * functions that return bool return false when there is no memory. */
bool spans_append(const struct cache_env *env, struct spans *spans,
                  struct span span);
void spans_free(const struct cache_env *env, struct spans *spans);

/* In an ascending disjoint list the first span that ends behind the address;
 * their count when there is none. O(log n). */
size_t spans_behind(const struct spans *spans, uint64_t address);

/* Makes an arbitrary list ascending and disjoint; where spans overlap, the one
 * later in the list wins. O(n log n). */
bool spans_resolve(const struct cache_env *env, struct spans *spans);

/* Orders a list by slot; those of one slot stay in their order. O(n), times the
 * digits of the largest slot. */
bool spans_sort_by_slot(const struct cache_env *env, struct spans *spans);

/* Divides the ascending disjoint list `spans` by the ascending disjoint list
 * `cover`: what both hold is appended to `inside` (with cover's slots; may be
 * null), the rest to `outside`. O(n log m), and never more than O(n + m). */
bool spans_divide(const struct cache_env *env, const struct spans *spans,
                  const struct spans *cover, struct spans *inside,
                  struct spans *outside);

#endif
