/* copy_ranges.h - lists of address ranges of which something is copied. */
#ifndef HWCKPT_TIERS_COPY_RANGES_H
#define HWCKPT_TIERS_COPY_RANGES_H

#include "runtime/cache/cache.h"

struct ranges {
  struct cache_range *list;
  size_t count, room;
};

/* Appends; false: no memory. */
bool ranges_add(struct ranges *ranges, uint64_t begin, uint64_t end);

/* Makes them ascending and disjoint. */
void ranges_order(struct ranges *ranges);

/* Takes out of the one list what is in the other; both are in order. False: no
 * memory. */
bool ranges_subtract(struct ranges *ranges, const struct ranges *without);

void ranges_free(struct ranges *ranges);

#endif
