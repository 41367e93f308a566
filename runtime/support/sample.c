/* sample.c - see sample.h. */
#include "sample.h"

#include "../arch/sys.h"
#include "drain.h"
#include "exclude.h"
#include "quiesce.h"

#include <time.h>

/* One page of so many that were written; of few more of them, else they say
 * little; and once the sample has so many, and again so many, half as many of
 * what comes. */
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

/* What was seen of the sample. A chunk stands for what was skipped after it,
 * which in a small area is less than elsewhere, or nothing. */
struct seen {
  uint64_t pages;  /* written again, of the sample */
  uint64_t weight; /* the written pages that the one looked at stands for */
  uint64_t of_all; /* written again, of all that were written */
  uint64_t at_ns;  /* when this was so */
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

/* What a run of the sample stands for is where others keep its area. */
static void weigh(struct runs *list, size_t from, uint64_t weight) {
  for (size_t i = from; i < list->count; i++)
    list->list[i].area = (uint32_t)weight;
}

/* One chunk at or behind `at`: where the next one is. */
static uint64_t take_chunk(struct taking *taking, const struct area *area,
                           uint64_t at, uint64_t stands_for) {
  struct capture *capture = taking->capture;
  size_t from = taking->list->count;
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
  uint64_t next =
      end + (span < SPAN_MOST ? span : SPAN_MOST) * (stands_for - 1);
  next = next < area->end ? next : area->end;
  weigh(taking->list, from, (next - taking->first + span - 1) / span);
  return next;
}

static void take_all(struct capture *capture, const struct memory_map *map,
                     uint64_t stands_for, struct runs *list) {
  struct taking taking = {capture, list, 0};
  uint64_t many = SAMPLE_PAGES;
  for (size_t i = 0; i < map->count && !drain_failed(); i++) {
    const struct area *area = &map->areas[i];
    capture->area = area;
    if (!dirty_sweep_begin(capture->dirty, area, false))
      continue;
    for (uint64_t at = area->start; at < area->end && !drain_failed();) {
      at = take_chunk(&taking, area, at, stands_for);
      if (list->pages < many)
        continue;
      many += SAMPLE_PAGES;
      stands_for *= 2;
    }
  }
}

static int count(enum dirty_run run, uint64_t begin, uint64_t end,
                 void *context) {
  struct seen *seen = context;
  if (run == DIRTY_PAGES) {
    seen->pages += (end - begin) / CACHE_PAGE_SIZE;
    seen->of_all += (end - begin) / CACHE_PAGE_SIZE * seen->weight;
  }
  return 0;
}

static enum dirty_run is_pages(uint64_t categories) {
  return categories & PAGE_WRITTEN ? DIRTY_PAGES : DIRTY_HOLE;
}

/* What was written again. What is gone was not. */
static struct seen look_again(const struct dirty *dirty,
                              const struct runs *list) {
  struct page_scan criteria = page_scan_written;
  struct seen seen = {0};
  int answer;
  criteria.flags &= ~SCAN_WP_MATCHING;
  for (size_t i = 0; i < list->count; i++) {
    seen.weight = list->list[i].area;
    page_scan_each(&dirty->scanner, &criteria, list->list[i].begin,
                   list->list[i].end, is_pages, false, count, &seen, &answer);
  }
  return seen;
}

/* All pages that were written, by the sample. */
static uint64_t all_pages(const struct runs *list) {
  uint64_t pages = 0;
  for (size_t i = 0; i < list->count; i++)
    pages += (list->list[i].end - list->list[i].begin) / CACHE_PAGE_SIZE *
             list->list[i].area;
  return pages;
}

static void wait_until(uint64_t when) {
  for (uint64_t now; (now = quiesce_now_ns()) < when;) {
    const struct timespec rest = {.tv_nsec = (long)(when - now)};
    SYS(nanosleep, &rest, 0);
  }
}

static struct seen watch_until(uint64_t when, const struct dirty *dirty,
                               const struct runs *list) {
  wait_until(when);
  struct seen seen = look_again(dirty, list);
  seen.at_ns = quiesce_now_ns();
  return seen;
}

/* What will have been written again when a round ends, of all that were
 * written. It goes on as in the second half of the time, in which a few pages
 * that are always written do not count any more. */
static uint64_t by_end(const struct seen *half, const struct seen *whole,
                       uint64_t begin, uint64_t round_ns) {
  uint64_t watched_ns = whole->at_ns - begin;
  if (round_ns <= watched_ns)
    return whole->of_all * round_ns / watched_ns;
  uint64_t later =
      whole->of_all > half->of_all ? whole->of_all - half->of_all : 0;
  return whole->of_all +
         later * (round_ns - watched_ns) / (whole->at_ns - half->at_ns + 1);
}

bool sample_says_vain(struct capture *capture, const struct memory_map *map,
                      uint64_t written, struct runs *list) {
  uint64_t page_ns = drain_page_ns() ? drain_page_ns() : PAGE_NS;
  runs_clear(list);
  uint64_t begin = quiesce_now_ns();
  capture->live = true;
  unused_guess(&capture->unused, capture->dirty, map);
  take_all(capture, map, written < FEW_PAGES ? SAMPLE_LEAST : SAMPLE_USUAL,
           list);
  capture->live = false;
  uint64_t pages = all_pages(list);
  uint64_t round_ns = pages * page_ns;
  uint64_t watched_ns = round_ns / WATCHED;
  watched_ns = watched_ns > WATCHED_LEAST_NS ? watched_ns : WATCHED_LEAST_NS;
  watched_ns = watched_ns < WATCHED_MOST_NS ? watched_ns : WATCHED_MOST_NS;
  struct seen half = watch_until(begin + watched_ns / 2, capture->dirty, list);
  struct seen whole =
      watch_until(half.at_ns + watched_ns / 2, capture->dirty, list);
  runs_clear(list);
  return whole.pages >= AGAIN_LEAST &&
         by_end(&half, &whole, begin, round_ns) * AGAIN_MOST > pages;
}
