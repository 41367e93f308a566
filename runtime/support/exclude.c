/* exclude.c - see exclude.h. */
#include "exclude.h"

#include "../arch/sys.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

#define RANGES 16384

struct range {
  uint64_t begin, end;
};

/* Ascending, without overlaps. */
struct set {
  uint32_t count;
  struct range ranges[RANGES];
};

static struct set excluded, changed;
static bool overflow;
static _Atomic uint32_t busy;

void exclude_hold(void) {
  while (atomic_exchange(&busy, 1))
    SYS(sched_yield);
}

void exclude_let_go(void) { atomic_store(&busy, 0); }

/* All signals are blocked while it is held: no thread is stopped then. */
static uint64_t lock(void) {
  uint64_t all = ~0ull, before = 0;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  exclude_hold();
  return before;
}

static void unlock(uint64_t before) {
  exclude_let_go();
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

/* The first range that ends above address. */
static uint32_t find(const struct set *set, uint64_t address) {
  uint32_t low = 0, high = set->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (set->ranges[middle].end > address)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* Makes [from, to) of the array `count` ranges long. */
static bool resize(struct set *set, uint32_t from, uint32_t to,
                   uint32_t count) {
  uint32_t total = set->count - (to - from) + count;
  if (total > RANGES)
    return false;
  struct range *ranges = set->ranges;
  if (from + count < to)
    for (uint32_t i = to; i < set->count; i++)
      ranges[from + count + (i - to)] = ranges[i];
  else
    for (uint32_t i = set->count; i > to; i--)
      ranges[from + count + (i - 1 - to)] = ranges[i - 1];
  set->count = total;
  return true;
}

static bool add(struct set *set, uint64_t begin, uint64_t end) {
  uint32_t from = find(set, begin), to = from;
  /* One that ends where this begins goes on in it. */
  if (from > 0 && set->ranges[from - 1].end == begin)
    from--;
  while (to < set->count && set->ranges[to].begin <= end)
    to++;
  if (from < to) {
    begin = set->ranges[from].begin < begin ? set->ranges[from].begin : begin;
    end = set->ranges[to - 1].end > end ? set->ranges[to - 1].end : end;
  }
  if (!resize(set, from, to, 1))
    return false;
  set->ranges[from] = (struct range){begin, end};
  return true;
}

static bool subtract(struct set *set, uint64_t begin, uint64_t end) {
  uint32_t from = find(set, begin), to = from;
  while (to < set->count && set->ranges[to].begin < end)
    to++;
  if (from == to)
    return true;
  struct range rest[2];
  uint32_t count = 0;
  if (set->ranges[from].begin < begin)
    rest[count++] = (struct range){set->ranges[from].begin, begin};
  if (set->ranges[to - 1].end > end)
    rest[count++] = (struct range){end, set->ranges[to - 1].end};
  if (!resize(set, from, to, count))
    return false;
  for (uint32_t i = 0; i < count; i++)
    set->ranges[from + i] = rest[i];
  return true;
}

static int change(bool (*operation)(struct set *, uint64_t, uint64_t),
                  uint64_t begin, uint64_t end) {
  if (begin >= end)
    return 0;
  uint64_t before = lock();
  bool done = add(&changed, begin, end) && operation(&excluded, begin, end);
  if (!done)
    overflow = true;
  unlock(before);
  return done ? 0 : -ENOMEM;
}

int exclude_add(uint64_t begin, uint64_t end) {
  return change(add, begin, end);
}

int exclude_remove(uint64_t begin, uint64_t end) {
  return change(subtract, begin, end);
}

int exclude_copy(uint64_t from, uint64_t length, uint64_t to) {
  uint64_t begin, end, at = from, before = lock();
  bool done = true;
  if (exclude_in(to, to + length, &begin, &end))
    done =
        add(&changed, to, to + length) && subtract(&excluded, to, to + length);
  for (; done && exclude_in(at, from + length, &begin, &end); at = end) {
    begin = to + (begin - from);
    done = add(&changed, begin, to + (end - from)) &&
           add(&excluded, begin, to + (end - from));
  }
  if (!done)
    overflow = true;
  unlock(before);
  return done ? 0 : -ENOMEM;
}

bool exclude_has(uint64_t begin, uint64_t end) {
  uint64_t from, to, before = lock();
  bool has = exclude_in(begin, end, &from, &to);
  unlock(before);
  return has;
}

bool exclude_in(uint64_t begin, uint64_t end, uint64_t *from, uint64_t *to) {
  uint32_t i = find(&excluded, begin);
  if (begin >= end || i == excluded.count || excluded.ranges[i].begin >= end)
    return false;
  const struct range *range = &excluded.ranges[i];
  *from = range->begin > begin ? range->begin : begin;
  *to = range->end < end ? range->end : end;
  return true;
}

int exclude_prepare(const struct dirty *dirty, const struct memory_map *map,
                    struct hwckpt_error *error) {
  if (overflow)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "exclusions",
                       "more than %d ranges", RANGES);
  for (size_t i = 0; changed.count && i < map->count; i++) {
    const struct area *area = &map->areas[i];
    for (uint32_t k = find(&changed, area->start);
         k < changed.count && changed.ranges[k].begin < area->end; k++) {
      const struct range *range = &changed.ranges[k];
      uint64_t begin = range->begin & ~4095ull;
      uint64_t end = (range->end + 4095) & ~4095ull;
      dirty_touch(dirty, area, begin > area->start ? begin : area->start,
                  end < area->end ? end : area->end);
    }
  }
  changed.count = 0;
  return 0;
}
