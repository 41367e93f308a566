/* sample.c - see sample.h. */
#include "sample.h"

#include "../arch/sys.h"
#include "drain.h"
#include "exclude.h"
#include "quiesce.h"

#include <time.h>

/* One page of so many that were written; of few more of them, else they say
 * little; and of very many, so many pages in all. */
#define SAMPLE_USUAL 32u
#define SAMPLE_LEAST 16u
#define FEW_PAGES 8192u
#define SAMPLE_PAGES 4096u
/* Pages side by side: of a chunk, one search is made. */
#define CHUNK 8u
/* What is skipped after a chunk is no more than this, times the pages that one
 * of the sample stands for: beyond may be other memory. */
#define SPAN_MOST (2ull << 20)

/* The sample is watched for this part of the time that a round takes; but long
 * enough for a thread that waits for a processor to get one, and not so long
 * that the checkpoint is late. */
#define WATCHED 8u
#define WATCHED_LEAST_NS 10000000u
#define WATCHED_MOST_NS 60000000u
/* Before it was measured what writing a page takes. */
#define PAGE_NS 2000u

/* Of what a round copies, the part that may be written again: with the rounds
 * after it, the same part of the same part, a checkpoint then has 1.1 times the
 * pages that were written. */
#define AGAIN_MOST 10u
/* Fewer may be by chance. */
#define AGAIN_LEAST 4u

struct taking {
  struct capture *capture;
  struct runs *list;
  uint64_t first; /* of the chunk; 0: nothing found yet */
};

static int take(enum dirty_run run, uint64_t begin, uint64_t end,
                void *context) {
  struct taking *taking = context;
  if (run == DIRTY_PAGES) {
    taking->first = taking->first ? taking->first : begin;
    runs_add(taking->list, 0, run, begin, end);
  }
  return capture_visit(run, begin, end, taking->capture);
}

/* One chunk at or behind `at`: where the next one is. */
static uint64_t take_chunk(struct taking *taking, const struct area *area,
                           uint64_t at, uint64_t stands_for) {
  struct capture *capture = taking->capture;
  taking->first = 0;
  ring_wait_room(capture->ring, CHUNK);
  ring_touch(capture->ring, CHUNK);
  exclude_hold();
  uint64_t end = dirty_sweep(capture->dirty, area, at, CHUNK, take, taking);
  exclude_let_go();
  ring_publish(capture->ring);
  if (!taking->first)
    return end;
  uint64_t span = end - taking->first;
  span = span < SPAN_MOST ? span : SPAN_MOST;
  return end + span * (stands_for - 1);
}

static void take_all(struct capture *capture, const struct memory_map *map,
                     uint64_t stands_for, struct runs *list) {
  struct taking taking = {capture, list, 0};
  for (size_t i = 0; i < map->count && !drain_failed(); i++) {
    const struct area *area = &map->areas[i];
    capture->area = area;
    if (!dirty_sweep_begin(capture->dirty, area, false))
      continue;
    for (uint64_t at = area->start; at < area->end && !drain_failed();)
      at = take_chunk(&taking, area, at, stands_for);
  }
}

static int count(enum dirty_run run, uint64_t begin, uint64_t end,
                 void *context) {
  if (run == DIRTY_PAGES)
    *(uint64_t *)context += (end - begin) / CACHE_PAGE_SIZE;
  return 0;
}

static enum dirty_run is_pages(uint64_t categories) {
  return categories & PAGE_WRITTEN ? DIRTY_PAGES : DIRTY_HOLE;
}

/* Pages of the sample that were written again. What is gone was not. */
static uint64_t written_again(const struct dirty *dirty,
                              const struct runs *list) {
  struct page_scan criteria = page_scan_written;
  uint64_t again = 0;
  int answer;
  criteria.flags &= ~SCAN_WP_MATCHING;
  for (size_t i = 0; i < list->count; i++)
    page_scan_each(&dirty->scanner, &criteria, list->list[i].begin,
                   list->list[i].end, is_pages, false, count, &again, &answer);
  return again;
}

static void wait_until(uint64_t when) {
  for (uint64_t now; (now = quiesce_now_ns()) < when;) {
    const struct timespec rest = {.tv_nsec = (long)(when - now)};
    SYS(nanosleep, &rest, 0);
  }
}

bool sample_says_vain(struct capture *capture, const struct memory_map *map,
                      uint64_t written, struct runs *list) {
  uint64_t page_ns = drain_page_ns() ? drain_page_ns() : PAGE_NS;
  uint64_t least = written < FEW_PAGES ? SAMPLE_LEAST : SAMPLE_USUAL;
  uint64_t stands_for = written / SAMPLE_PAGES;
  stands_for = stands_for > least ? stands_for : least;
  runs_clear(list);
  uint64_t begin = quiesce_now_ns();
  capture->live = true;
  unused_guess(&capture->unused, capture->dirty, map);
  take_all(capture, map, stands_for, list);
  capture->live = false;
  uint64_t round_ns = list->pages * stands_for * page_ns;
  uint64_t watched_ns = round_ns / WATCHED;
  watched_ns = watched_ns > WATCHED_LEAST_NS ? watched_ns : WATCHED_LEAST_NS;
  watched_ns = watched_ns < WATCHED_MOST_NS ? watched_ns : WATCHED_MOST_NS;
  wait_until(begin + watched_ns);
  uint64_t again = written_again(capture->dirty, list);
  watched_ns = quiesce_now_ns() - begin;
  bool vain = again >= AGAIN_LEAST &&
              again * AGAIN_MOST * round_ns > list->pages * watched_ns;
  runs_clear(list);
  return vain;
}
