/* rest.c - see rest.h. */
#include "rest.h"

#include "cow_child.h"
#include "drain.h"
#include "exclude.h"
#include "fork_gaps.h"
#include "quiesce.h"

#include "../arch/sys.h"

/* Before anything was measured: a page takes about this long, and writing it
 * when the ring is full; 1 GiB of 4 KiB pages is cloned in about 20 ms. */
#define PAGE_NS 1000u
#define WRITE_NS 8000u
#define CLONE_MIB_NS 20000u
/* Less is not worth a child, and the page faults after it. */
#define CLONE_LEAST_MIB 100u

int rest_open(struct rest *rest, struct capture *capture,
              struct memory_map *map, struct hwckpt_error *error) {
  rest->capture = capture;
  rest->map = map;
  rest->page_ns = PAGE_NS;
  rest->clone_mib_ns = CLONE_MIB_NS;
  return runs_open(&rest->runs, error);
}

/* The mean of what was known and what was measured now. */
static void learn(uint64_t *known, uint64_t measured) {
  *known = (*known + measured) / 2;
}

static int copy_runs(struct rest *rest) {
  int result = capture_runs(rest->capture, rest->map, &rest->runs);
  runs_clear(&rest->runs);
  return result;
}

struct noting {
  struct rest *rest;
  uint32_t area;
};

static int note_run(enum dirty_run kind, uint64_t begin, uint64_t end,
                    const struct noting *noting) {
  struct runs *runs = &noting->rest->runs;
  if (runs_add(runs, noting->area, kind, begin, end))
    return 0;
  int result = copy_runs(noting->rest);
  runs_add(runs, noting->area, kind, begin, end);
  return result;
}

static int note(enum dirty_run kind, uint64_t begin, uint64_t end,
                void *context) {
  const struct noting *noting = context;
  const struct rest *rest = noting->rest;
  const struct area *area = &rest->map->areas[noting->area];
  uint64_t from, to;
  int result = 0;
  while (kind == DIRTY_PAGES && result == 0 &&
         unused_in(&rest->capture->unused, area, begin, end, &from, &to)) {
    if (begin < from)
      result = note_run(kind, begin, from, noting);
    if (result == 0)
      result = note_run(DIRTY_HOLE, from, to, noting);
    begin = to;
  }
  return result == 0 && begin < end ? note_run(kind, begin, end, noting)
                                    : result;
}

/* Shared memory is copied at once: to a child it would show what others write
 * after the stop. So are huge pages, which the kernel takes from a child where
 * there are no more. */
static int scan_area(struct rest *rest, uint32_t index, bool all,
                     struct hwckpt_error *error) {
  const struct area *area = &rest->map->areas[index];
  struct noting noting = {rest, index};
  if (area->type == AREA_TYPE_KERNEL || area->type == AREA_TYPE_FILE_SHARED)
    return 0;
  if (area->type != AREA_TYPE_SHARED_MEMORY && !area->ring && !area->huge_page)
    return dirty_scan(rest->capture->dirty, area, all, note, &noting, error);
  rest->capture->area = area;
  return dirty_scan(rest->capture->dirty, area, all, capture_visit,
                    rest->capture, error);
}

/* Large memory is worth a search by several threads. */
#define SEARCHED (32ull << 20)

int rest_begin(struct rest *rest, bool little, const struct parked *threads,
               unsigned count, struct hwckpt_error *error) {
  struct dirty *dirty = rest->capture->dirty;
  rest->touched = false;
  unused_find(&rest->capture->unused, dirty, rest->map, threads, count);
  int result = exclude_prepare(dirty, rest->map, error);
  if (result == 0 && little && rest->search && dirty->dense.bytes >= SEARCHED)
    search_begin(rest->search, dirty, rest->map);
  return result;
}

void rest_touch(struct rest *rest, uint64_t begin, uint64_t end) {
  const struct area *all_end = rest->map->areas + rest->map->count;
  const struct area *area = memory_map_at(rest->map, begin);
  begin &= -(uint64_t)CACHE_PAGE_SIZE;
  end = (end + CACHE_PAGE_SIZE - 1) & -(uint64_t)CACHE_PAGE_SIZE;
  rest->touched = true;
  for (; area && area < all_end && area->start < end; area++)
    dirty_touch(rest->capture->dirty, area,
                begin > area->start ? begin : area->start,
                end < area->end ? end : area->end);
}

void rest_search_in_vain(struct rest *rest) { rest->touched = true; }

void rest_end(struct rest *rest) {
  if (rest->search)
    search_end(rest->search);
}

void rest_expect(struct rest *rest, uint64_t resident) {
  const struct dirty *dirty = rest->capture->dirty;
  rest->resident = resident;
  if (!rest->search && dirty->method == DIRTY_WP &&
      dirty->dense.bytes >= SEARCHED)
    rest->search = search_open();
}

/* ---- many small areas ---- */

struct together {
  struct noting noting; /* the area that the last run ended in */
  uint32_t first;
};

/* A run, by areas; a second round through them begins at the first again. */
static int note_together(enum dirty_run kind, uint64_t begin, uint64_t end,
                         void *context) {
  struct together *together = context;
  struct noting *noting = &together->noting;
  const struct area *areas = noting->rest->map->areas;
  int result = 0;
  if (begin < areas[noting->area].start)
    noting->area = together->first;
  while (result == 0 && begin < end) {
    while (areas[noting->area].end <= begin)
      noting->area++;
    uint64_t to = areas[noting->area].end;
    to = to < end ? to : end;
    result = note(kind, begin, to, noting);
    begin = to;
  }
  return result;
}

/* Areas from that one on, if they can be; how many were. */
static size_t take_together(struct rest *rest, uint32_t first, int *result,
                            struct hwckpt_error *error) {
  const struct dirty *dirty = rest->capture->dirty;
  const struct area *areas = &rest->map->areas[first];
  struct together together = {{rest, first}, first};
  size_t count = dirty_together(dirty, areas, rest->map->count - first);
  if (count > 1)
    *result = dirty_scan_together(dirty, areas, count, note_together, &together,
                                  error);
  return count > 1 ? count : 0;
}

struct taking {
  struct rest *rest;
  bool all;
  struct hwckpt_error *error;
};

static int take_area(uint32_t area, void *context) {
  const struct taking *taking = context;
  return scan_area(taking->rest, area, taking->all, taking->error);
}

static int take_found(uint32_t area, enum dirty_run run, uint64_t begin,
                      uint64_t end, void *context) {
  const struct taking *taking = context;
  struct noting noting = {taking->rest, area};
  return note(run, begin, end, &noting);
}

/* To the ring it does not matter which area a hole is in. */
static void take_back(uint64_t begin, uint64_t end, void *context) {
  const struct noting noting = {context, 0};
  note_run(DIRTY_HOLE, begin, end, &noting);
}

static int scan(struct rest *rest, bool all, Statistics *statistics,
                struct hwckpt_error *error) {
  struct taking taking = {rest, all, error};
  struct search_taker taker = {take_area, take_found, &taking};
  int result = 0;
  for (uint32_t i = 0; i < rest->map->count; i++) {
    const struct area *area = &rest->map->areas[i];
    statistics->pages_scanned += (area->end - area->start) / CACHE_PAGE_SIZE;
  }
  if (search_is_on(rest->search) && !all && !rest->touched &&
      !rest->capture->dirty->owed_all)
    result = search_take(rest->search, &taker);
  else
    for (uint32_t i = 0, together; result == 0 && i < rest->map->count;
         i += together ? together : 1) {
      together = all ? 0 : (uint32_t)take_together(rest, i, &result, error);
      if (!together)
        result = take_area(i, &taking);
    }
  if (result == 0)
    unused_each_copied(&rest->capture->unused, take_back, rest);
  if (result == 0)
    dirty_settled(rest->capture->dirty);
  return result;
}

static uint64_t resident_mib(const struct rest *rest) {
  return rest->resident * CACHE_PAGE_SIZE / (1u << 20) + CLONE_LEAST_MIB;
}

static bool child_is_cheaper(const struct rest *rest) {
  uint64_t pages = rest->runs.pages, room = ring_room(rest->capture->ring);
  uint64_t over = pages > room ? pages - room : 0;
  /* Those have to wait until others are written, as slowly as flash is. */
  uint64_t write_ns = drain_page_ns() ? drain_page_ns() : WRITE_NS;
  return pages * rest->page_ns + over * write_ns >
         resident_mib(rest) * rest->clone_mib_ns;
}

/* Whether a child copies the runs. */
static bool start_child(struct rest *rest, enum rest_by by) {
  if (rest->no_children || by == REST_BY_STOP || !rest->runs.pages ||
      (by == REST_BY_CHEAPER && !child_is_cheaper(rest)))
    return false;
  uint64_t begin = quiesce_now_ns();
  struct fork_gaps gaps = {0};
  if (!memory_settings_keep(rest->settings))
    fork_gaps_hide(&gaps, rest->map, &rest->runs);
  rest->child = cow_child_start(rest->capture, rest->map, &rest->runs);
  fork_gaps_show(&gaps);
  if (rest->child < 0) { /* as many processes as there may be, or no memory */
    rest->child = 0;
    return false;
  }
  learn(&rest->clone_mib_ns, (quiesce_now_ns() - begin) / resident_mib(rest));
  rest->capture->pages += rest->runs.pages;
  return true;
}

int rest_capture(struct rest *rest, bool all, enum rest_by by,
                 Statistics *statistics, struct hwckpt_error *error) {
  uint64_t begin = quiesce_now_ns();
  rest->child = 0;
  rest->capture->error = error;
  runs_clear(&rest->runs);
  int result = scan(rest, all, statistics, error);
  uint64_t scanned = quiesce_now_ns();
  uint64_t pages = rest->runs.pages;
  if (result == 0 && start_child(rest, by)) {
    statistics->method = Method_METHOD_COW;
  } else if (result == 0) {
    bool fits = pages <= ring_room(rest->capture->ring);
    result = copy_runs(rest);
    if (fits && pages >= 64)
      learn(&rest->page_ns, (quiesce_now_ns() - scanned) / pages);
  }
  statistics->scan_ns = scanned - begin;
  statistics->copy_ns = quiesce_now_ns() - scanned;
  return result;
}

int rest_finish(struct rest *rest, struct hwckpt_error *error) {
  long child = rest->child;
  rest->child = 0;
  if (!child || cow_child_wait(rest->capture, child))
    return 0;
  rest->no_children = true;
  return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, "copy-on-write child",
                     "process %ld did not copy all", child);
}
