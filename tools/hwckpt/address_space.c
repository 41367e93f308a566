/* address_space.c - see address_space.h. */
#include "address_space.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void *list_grown(void *list, size_t count, size_t *room, size_t size) {
  if (count < *room)
    return list;
  while (*room <= count)
    *room = *room ? *room * 2 : 16;
  void *larger = realloc(list, *room * size);
  if (!larger)
    abort();
  return larger;
}

static void *copied(const void *block, size_t size) {
  void *copy = malloc(size ? size : 1);
  if (!copy)
    abort();
  if (size)
    memcpy(copy, block, size);
  return copy;
}

struct space *address_space_make(int uffd) {
  struct space *space = calloc(1, sizeof *space);
  if (!space)
    abort();
  space->uffd = uffd;
  return space;
}

void address_space_plan(struct space *space, size_t units) {
  space->left = space->units = units;
  space->done = calloc(units + 1, 1);
  if (!space->done)
    abort();
}

struct space *address_space_fork(const struct space *parent, int uffd) {
  struct space *space = copied(parent, sizeof *space);
  space->uffd = uffd;
  space->protects = false;
  space->struck.at = copied(parent->struck.at,
                            parent->struck.count * sizeof *space->struck.at);
  space->struck.room = parent->struck.count;
  space->moves =
      copied(parent->moves, parent->move_count * sizeof *space->moves);
  space->move_room = parent->move_count;
  space->done = parent->done ? copied(parent->done, parent->units) : NULL;
  return space;
}

void address_space_free(struct space *space) {
  close(space->uffd);
  free(space->struck.at);
  free(space->moves);
  free(space->done);
  free(space);
}

/* ---- origins that are struck ---- */

/* The first range that ends behind the address. */
static size_t first_behind(const struct space_ranges *ranges,
                           uint64_t address) {
  size_t low = 0, high = ranges->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ranges->at[middle].end <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void add_range(struct space_ranges *ranges, struct cache_range range) {
  if (range.begin >= range.end)
    return;
  /* Those it touches become one with it. */
  size_t first = first_behind(ranges, range.begin), end = first;
  if (first && ranges->at[first - 1].end == range.begin)
    first--;
  while (end < ranges->count && ranges->at[end].begin <= range.end)
    end++;
  if (first < end) {
    if (ranges->at[first].begin < range.begin)
      range.begin = ranges->at[first].begin;
    if (ranges->at[end - 1].end > range.end)
      range.end = ranges->at[end - 1].end;
  }
  ranges->at =
      list_grown(ranges->at, ranges->count, &ranges->room, sizeof *ranges->at);
  memmove(&ranges->at[first + 1], &ranges->at[end],
          (ranges->count - end) * sizeof *ranges->at);
  ranges->at[first] = range;
  ranges->count += 1 + first - end;
}

/* ---- events ---- */

static uint64_t length_of(struct cache_range range) {
  return range.end - range.begin;
}

/* Calls visit for the parts of [now) that still lie at their origin. */
static void each_unmoved(struct space *space, struct cache_range now,
                         void (*visit)(struct space *, struct cache_range,
                                       void *),
                         void *context) {
  while (now.begin < now.end) {
    struct cache_range part = now;
    uint64_t next = now.end;
    for (size_t i = 0; i < space->move_count; i++) {
      struct cache_range away = space->moves[i].range;
      if (away.begin <= now.begin && now.begin < away.end) {
        part.end = part.begin; /* none of it */
        next = away.end;
        break;
      }
      if (away.begin > now.begin && away.begin < part.end)
        part.end = next = away.begin;
    }
    if (part.begin < part.end)
      visit(space, part, context);
    now.begin = next;
  }
}

static void strike_origin(struct space *space, struct cache_range origin,
                          void *unused) {
  (void)unused;
  add_range(&space->struck, origin);
}

/* The part of a move that is now in a range, as origins; false: none. */
static bool moved_into(const struct space_move *move, struct cache_range now,
                       struct cache_range *origin) {
  uint64_t end = move->now + length_of(move->range);
  uint64_t from = now.begin > move->now ? now.begin : move->now;
  uint64_t to = now.end < end ? now.end : end;
  if (from >= to)
    return false;
  origin->begin = move->range.begin + (from - move->now);
  origin->end = origin->begin + (to - from);
  return true;
}

void address_space_strike(struct space *space, struct cache_range now) {
  struct cache_range origin;
  each_unmoved(space, now, strike_origin, NULL);
  for (size_t i = 0; i < space->move_count; i++)
    if (moved_into(&space->moves[i], now, &origin))
      add_range(&space->struck, origin);
}

static void add_move(struct space *space, struct space_move move) {
  if (!length_of(move.range))
    return;
  space->moves = list_grown(space->moves, space->move_count, &space->move_room,
                            sizeof *space->moves);
  space->moves[space->move_count++] = move;
}

/* Cuts `origin` out of a move and returns what was behind it as a new one. */
static void cut_move(struct space *space, size_t i, struct cache_range origin) {
  struct space_move whole = space->moves[i], rest = whole;
  rest.range.begin = origin.end;
  rest.now += origin.end - whole.range.begin;
  space->moves[i].range.end = origin.begin;
  add_move(space, rest);
}

struct going {
  struct space_move *list; /* collected first: the list of moves is read */
  size_t count, room;
  uint64_t from, to;
};

static void go(struct space *space, struct cache_range origin, void *context) {
  struct going *going = context;
  (void)space;
  going->list =
      list_grown(going->list, going->count, &going->room, sizeof *going->list);
  going->list[going->count++] =
      (struct space_move){origin, going->to + (origin.begin - going->from)};
}

void address_space_move(struct space *space, struct cache_range from,
                        uint64_t to) {
  struct going going = {.from = from.begin, .to = to};
  struct cache_range origin;
  each_unmoved(space, from, go, &going);
  size_t before = space->move_count;
  for (size_t i = 0; i < before; i++)
    if (moved_into(&space->moves[i], from, &origin)) {
      struct space_move move = space->moves[i];
      uint64_t now = move.now + (origin.begin - move.range.begin);
      cut_move(space, i, origin);
      add_move(space, (struct space_move){origin, to + (now - from.begin)});
    }
  for (size_t i = 0; i < going.count; i++)
    add_move(space, going.list[i]);
  free(going.list);
  size_t kept = 0;
  for (size_t i = 0; i < space->move_count; i++)
    if (length_of(space->moves[i].range))
      space->moves[kept++] = space->moves[i];
  space->move_count = kept;
}

/* ---- asking ---- */

bool address_space_origin(const struct space *space, uint64_t now,
                          uint64_t *origin) {
  *origin = now;
  bool away = false;
  for (size_t i = 0; i < space->move_count; i++) {
    const struct space_move *move = &space->moves[i];
    if (now - move->now < length_of(move->range)) {
      *origin = move->range.begin + (now - move->now);
      away = false;
      break;
    }
    away |= now >= move->range.begin && now < move->range.end;
  }
  size_t i = first_behind(&space->struck, *origin);
  return !away &&
         !(i < space->struck.count && space->struck.at[i].begin <= *origin);
}

/* ---- copying ---- */

#define PAGE ((uint64_t)CACHE_PAGE_SIZE)

/* What a refused copy or zeroing of a page means; DONE: go on behind it. */
static enum space_result refused(struct space *space, int number) {
  switch (number) {
  case EEXIST: /* it is there */
  case ENOENT: /* nothing is there that waits for it */
    return SPACE_DONE;
  case EAGAIN:
    return SPACE_AGAIN;
  case ESRCH:
    space->gone = true;
    return SPACE_DONE;
  default:
    errno = number;
    return SPACE_FAILED;
  }
}

static enum space_result copy_to(struct space *space, uint64_t now,
                                 const char *data, uint64_t length) {
  /* The kernel copies within one area only, so a run over two is halved until
   * the border is found. */
  uint64_t step = length;
  while (length && !space->gone) {
    if (step > length)
      step = length;
    struct uffdio_copy copy = {.dst = now,
                               .src = (uint64_t)(uintptr_t)data,
                               .len = step,
                               .mode =
                                   space->protects ? UFFDIO_COPY_MODE_WP : 0};
    uint64_t put = step;
    if (ioctl(space->uffd, UFFDIO_COPY, &copy)) {
      int number = copy.copy < 0 ? (int)-copy.copy : errno;
      put = copy.copy > 0 ? (uint64_t)copy.copy : 0;
      if (!put && number == ENOENT && step > PAGE) {
        step = step / 2 / PAGE * PAGE;
        continue;
      }
      if (!put) {
        enum space_result result = refused(space, number);
        if (result != SPACE_DONE)
          return result;
        put = PAGE;
      }
    }
    now += put;
    data += put;
    length -= put;
    step = length < step * 2 ? length : step * 2;
  }
  return SPACE_DONE;
}

enum space_result address_space_copy(struct space *space, uint64_t origin,
                                     const void *data, size_t pages) {
  const char *bytes = data;
  uint64_t end = origin + pages * PAGE;
  size_t struck = first_behind(&space->struck, origin);
  while (origin < end && !space->gone) {
    uint64_t limit = end, now = origin;
    if (struck < space->struck.count) {
      struct cache_range range = space->struck.at[struck];
      if (range.begin <= origin) {
        uint64_t skip = (range.end < end ? range.end : end) - origin;
        origin += skip;
        bytes += skip;
        struck++;
        continue;
      }
      limit = range.begin < end ? range.begin : end;
    }
    for (size_t i = 0; i < space->move_count; i++) {
      struct space_move move = space->moves[i];
      if (move.range.begin <= origin && origin < move.range.end) {
        now = move.now + (origin - move.range.begin);
        limit = limit < move.range.end ? limit : move.range.end;
        break;
      }
      if (move.range.begin > origin && move.range.begin < limit)
        limit = move.range.begin;
    }
    enum space_result result = copy_to(space, now, bytes, limit - origin);
    if (result != SPACE_DONE)
      return result;
    bytes += limit - origin;
    origin = limit;
  }
  return SPACE_DONE;
}

enum space_result address_space_zero(struct space *space, uint64_t now) {
  struct uffdio_zeropage zero = {.range = {.start = now, .len = PAGE}};
  if (!ioctl(space->uffd, UFFDIO_ZEROPAGE, &zero))
    return SPACE_DONE;
  enum space_result result =
      refused(space, zero.zeropage < 0 ? (int)-zero.zeropage : errno);
  if (result == SPACE_DONE)
    address_space_wake(space, now);
  return result;
}

enum space_result address_space_put(struct space *space, uint64_t now,
                                    const void *page) {
  struct uffdio_copy copy = {
      .dst = now, .src = (uint64_t)(uintptr_t)page, .len = PAGE};
  if (!ioctl(space->uffd, UFFDIO_COPY, &copy))
    return SPACE_DONE;
  return refused(space, copy.copy < 0 ? (int)-copy.copy : errno);
}

void address_space_release(struct space *space, struct cache_range now) {
  struct uffdio_range range = {.start = now.begin, .len = now.end - now.begin};
  ioctl(space->uffd, UFFDIO_UNREGISTER, &range);
}

void address_space_wake(struct space *space, uint64_t now) {
  struct uffdio_range range = {.start = now, .len = PAGE};
  ioctl(space->uffd, UFFDIO_WAKE, &range);
}
