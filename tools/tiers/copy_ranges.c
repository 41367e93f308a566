/* copy_ranges.c - see copy_ranges.h. */
#include "copy_ranges.h"

#include <stdlib.h>

bool ranges_add(struct ranges *ranges, uint64_t begin, uint64_t end) {
  if (ranges->count == ranges->room) {
    size_t room = ranges->room ? 2 * ranges->room : 64;
    void *list = reallocarray(ranges->list, room, sizeof *ranges->list);
    if (!list)
      return false;
    ranges->list = list;
    ranges->room = room;
  }
  ranges->list[ranges->count++] = (struct cache_range){begin, end};
  return true;
}

static int by_begin(const void *one, const void *other) {
  const struct cache_range *a = one, *b = other;
  return a->begin < b->begin ? -1 : a->begin > b->begin;
}

void ranges_order(struct ranges *ranges) {
  size_t used = 0;
  if (ranges->count)
    qsort(ranges->list, ranges->count, sizeof *ranges->list, by_begin);
  for (size_t i = 0; i < ranges->count; i++) {
    struct cache_range *last = used ? &ranges->list[used - 1] : NULL;
    if (!last || ranges->list[i].begin > last->end)
      ranges->list[used++] = ranges->list[i];
    else if (ranges->list[i].end > last->end)
      last->end = ranges->list[i].end;
  }
  ranges->count = used;
}

/* What of one range is not in the list, from its i-th on, which is the first
 * that may end in it or behind. */
static bool subtract_one(struct ranges *rest, struct cache_range range,
                         const struct ranges *without, size_t i) {
  for (; i < without->count && without->list[i].begin < range.end; i++) {
    const struct cache_range *hole = &without->list[i];
    if (hole->begin > range.begin &&
        !ranges_add(rest, range.begin, hole->begin))
      return false;
    if (hole->end > range.begin)
      range.begin = hole->end;
    if (range.begin >= range.end)
      return true;
  }
  return ranges_add(rest, range.begin, range.end);
}

bool ranges_subtract(struct ranges *ranges, const struct ranges *without) {
  struct ranges rest = {0};
  size_t first = 0;
  bool room = true;
  for (size_t i = 0; i < ranges->count && room; i++) {
    while (first < without->count &&
           without->list[first].end <= ranges->list[i].begin)
      first++;
    room = subtract_one(&rest, ranges->list[i], without, first);
  }
  if (!room) {
    ranges_free(&rest);
    return false;
  }
  ranges_free(ranges);
  *ranges = rest;
  return true;
}

void ranges_free(struct ranges *ranges) {
  free(ranges->list);
  *ranges = (struct ranges){0};
}
