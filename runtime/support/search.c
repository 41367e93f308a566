/* search.c - see search.h. */
#include "search.h"

#include "crew.h"
#include "private.h"

#include <stdatomic.h>

#define PART_BYTES (32ull << 20)
#define PARTS 16384u
#define FOUND 16384u

/* A part of an area. */
struct part {
  uint64_t begin, end;
  uint32_t area;
  bool dense; /* a part of a stretch */
  bool left;  /* to the usual scan: it is new, or something failed */
};

struct found {
  uint64_t begin, end;
  uint32_t part, run; /* enum dirty_run */
};

struct search {
  bool on;
  struct dirty *dirty;
  const struct memory_map *map;
  uint32_t parts;
  _Atomic uint32_t count; /* found; above FOUND: too many */
  struct part part[PARTS];
  struct found found[FOUND];
  struct page_scanner scanners[CREW_MAX];
};

struct search *search_open(void) {
  static struct hwckpt_error error;
  struct search *search = private_map(sizeof *search);
  bool whole = search != 0;
  for (unsigned i = 0; whole && i < CREW_MAX; i++)
    whole = page_scanner_open(&search->scanners[i], -1);
  /* Threads that cannot be had are done without. */
  if (whole)
    crew_open(&error);
  return whole ? search : 0;
}

/* ---- by the crew ---- */

struct searching {
  struct search *search;
  uint32_t part;
};

static int keep(enum dirty_run run, uint64_t begin, uint64_t end,
                void *context) {
  const struct searching *searching = context;
  struct search *search = searching->search;
  uint32_t place = atomic_fetch_add(&search->count, 1);
  if (place >= FOUND)
    return 1;
  search->found[place] =
      (struct found){begin, end, searching->part, (uint32_t)run};
  return 0;
}

static void look(unsigned number, unsigned member, void *context) {
  struct search *search = context;
  struct searching searching = {search, number};
  struct part *part = &search->part[number];
  int answer = 0;
  if (part->left || atomic_load(&search->count) > FOUND)
    return;
  struct page_scanner scanner = search->scanners[member];
  scanner.pagemap = search->dirty->scanner.pagemap;
  long result;
  if (part->dense) {
    result =
        dense_list(&scanner, part->begin, part->end, keep, &searching, &answer);
  } else {
    struct area area = search->map->areas[part->area];
    area.start = part->begin;
    area.end = part->end;
    result = dirty_list_by(&scanner, &area, keep, &searching, &answer);
  }
  part->left = result < 0;
}

/* ---- by the checkpoint thread ---- */

static void add(struct search *search, uint32_t area, uint64_t begin,
                uint64_t end, bool dense, bool left) {
  if (begin < end && search->parts < PARTS)
    search->part[search->parts++] =
        (struct part){begin, end, area, dense, left};
}

/* Dense memory is cut into parts, other areas are looked through whole. */
static void add_area(struct search *search, uint32_t number) {
  const struct area *area = &search->map->areas[number];
  uint64_t from, to;
  if (!dirty_is_known(search->dirty, area)) {
    add(search, number, area->start, area->end, false, true);
    return;
  }
  for (uint64_t at = area->start; at < area->end; at = to) {
    bool dense = area->type == AREA_TYPE_ANONYMOUS &&
                 dense_in(&search->dirty->dense, at, area->end, &from, &to);
    if (!dense)
      from = to = area->end;
    add(search, number, at, from, false, false);
    for (at = from; at < to; at += PART_BYTES)
      add(search, number, at, to - at < PART_BYTES ? to : at + PART_BYTES, true,
          false);
  }
}

void search_begin(struct search *search, struct dirty *dirty,
                  const struct memory_map *map) {
  search->on = true;
  search->dirty = dirty;
  search->map = map;
  search->parts = 0;
  atomic_store(&search->count, 0);
  for (uint32_t i = 0; i < map->count; i++)
    add_area(search, i);
  if (search->parts == PARTS) /* some may be missing */
    atomic_store(&search->count, FOUND + 1);
  crew_begin(look, search->parts, search);
}

static int scan_all(const struct search *search,
                    const struct search_taker *taker) {
  int result = 0;
  for (uint32_t i = 0; result == 0 && i < search->map->count; i++)
    result = taker->scan(i, taker->context);
  return result;
}

/* An area of which one part is left is scanned as a whole. */
static int scan_left(struct search *search, const struct search_taker *taker) {
  int result = 0;
  for (uint32_t i = 0; result == 0 && i < search->parts; i++) {
    uint32_t area = search->part[i].area, end = i;
    bool left = false;
    for (; end < search->parts && search->part[end].area == area; end++)
      left |= search->part[end].left;
    for (; i < end; i++)
      search->part[i].left = left;
    if (left)
      result = taker->scan(area, taker->context);
    i--;
  }
  return result;
}

struct taking {
  const struct search_taker *taker;
  uint32_t area;
};

static int pass_on(enum dirty_run run, uint64_t begin, uint64_t end,
                   void *context) {
  const struct taking *taking = context;
  return taking->taker->found(taking->area, run, begin, end,
                              taking->taker->context);
}

int search_take(struct search *search, const struct search_taker *taker) {
  search_end(search);
  uint32_t count = atomic_load(&search->count);
  if (count > FOUND)
    return scan_all(search, taker);
  int result = scan_left(search, taker);
  for (uint32_t i = 0; result == 0 && i < count; i++) {
    const struct found *found = &search->found[i];
    const struct part *part = &search->part[found->part];
    struct taking taking = {taker, part->area};
    if (part->left)
      continue;
    result = part->dense ? dense_visit(&search->dirty->dense, found->begin,
                                       found->end, pass_on, &taking)
                         : pass_on((enum dirty_run)found->run, found->begin,
                                   found->end, &taking);
  }
  return result;
}

void search_end(struct search *search) {
  if (search->on)
    crew_finish();
  search->on = false;
}

bool search_is_on(const struct search *search) { return search && search->on; }
