/* checkpoint_rounds.c - what is copied while the program runs, before the stop.
 * See checkpoint_state.h.
 */
#include "checkpoint_state.h"

#include "../arch/sys.h"
#include "quiesce.h"
#include "sample.h"
#include "task.h"

#include <sys/mman.h>

/* Copied in less time than rounds take. */
#define FEW_PAGES 512u
/* Fewer are soon copied, and a sample of them says little. */
#define SAMPLED_PAGES 1024u
/* What a search finds is captured once more by the next checkpoint: it is for
 * little beside what was copied in rounds. */
#define IS_LITTLE(left, copied) ((left) <= 128u + (copied) / 32u)

/* Pages in memory: the second number of /proc/self/statm. */
uint64_t checkpoint_resident_pages(void) {
  char text[128];
  uint64_t pages = 0;
  if (task_read((int)SYS(gettid), "statm", text, sizeof text) <= 0)
    return 0;
  const char *p = text;
  while (*p && *p != ' ')
    p++;
  for (p += *p == ' '; *p >= '0' && *p <= '9'; p++)
    pages = pages * 10 + (uint64_t)(*p - '0');
  return pages;
}

/* Whether rounds before the stop can make it shorter. */
static bool worth_rounds(bool base) {
  if (checkpoint.options.method != CHECKPOINT_AUTO)
    return checkpoint.options.method == CHECKPOINT_PRECOPY;
  if (base)
    return checkpoint_resident_pages() > FEW_PAGES;
  return checkpoint.captured > FEW_PAGES && precopy_is_worth(&checkpoint.worth);
}

/* Whether most of what a round copies, or more than may, would be written again
 * before the stop: without rounds, a child copies each page once. */
static bool would_be_vain(void) {
  uint64_t resident = checkpoint_resident_pages();
  uint64_t written =
      checkpoint.captured < resident ? checkpoint.captured : resident;
  if (checkpoint.options.method != CHECKPOINT_AUTO ||
      checkpoint.rest.no_children || written < SAMPLED_PAGES)
    return false;
  bool vain = sample_says_vain(&checkpoint.capture, &checkpoint.map, written,
                               &checkpoint.rest.runs);
  checkpoint.precopy.pages = checkpoint.capture.pages;
  checkpoint.worth.vain = vain;
  return vain;
}

/* Bytes in areas that are not tracked yet. */
static uint64_t new_bytes(void) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < checkpoint.map.count; i++) {
    const struct area *area = &checkpoint.map.areas[i];
    if (dirty_is_new(&checkpoint.dirty, area))
      bytes += area->end - area->start;
  }
  return bytes;
}

/* Where rounds were in vain, a sample of what is tracked tells whether they
 * would be again: then the stop in the end is the only one. Not with more new
 * memory than that, which the sample says nothing of. */
static bool is_much(uint64_t bytes) {
  return bytes / CACHE_PAGE_SIZE > 2 * checkpoint.captured;
}

/* Smaller areas have little to gain from huge pages. */
#define HUGE_AREA (8ull << 20)
/* While one call collapses pages, page faults of the program wait. */
#define HUGE_STEP (4ull << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

static bool may_be_huge(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS && !area->grows_down &&
         area->protection == (PROT_READ | PROT_WRITE) &&
         area->end - area->start >= HUGE_AREA;
}

/* Of a whole area and in the stop: else the kernel may make two of it. */
static void ask_for_huge(const struct area *area) {
  if (may_be_huge(area))
    SYS(madvise, area->start, area->end - area->start, MADV_HUGEPAGE);
}

/* What is in use already becomes huge while the program runs. Only now, before
 * the first pages are protected, does the kernel do that; an area that is gone
 * by now has nothing to be done. */
static void make_huge(const struct memory_map *map) {
  for (size_t i = 0; i < map->count; i++) {
    const struct area *area = &map->areas[i];
    for (uint64_t at = area->start; may_be_huge(area) && at < area->end;
         at += HUGE_STEP)
      SYS(madvise, at, area->end - at < HUGE_STEP ? area->end - at : HUGE_STEP,
          MADV_COLLAPSE);
  }
}

/* New memory is tracked in a short stop of its own, so that the rounds can take
 * it; a little is left to the stop in the end. By a map that was glanced at. */
static int track_new(bool base, const struct quiesce_hooks *hooks,
                     Statistics *statistics, struct hwckpt_error *error) {
  struct parked *threads;
  unsigned count;
  if (new_bytes() < FEW_PAGES * CACHE_PAGE_SIZE)
    return 0;
  int result = quiesce_stop(hooks, &threads, &count, error);
  if (result < 0)
    return result;
  uint64_t begin = quiesce_times()->begin_ns;
  result = memory_map_read(&checkpoint.map, error);
  for (size_t i = 0; i < checkpoint.map.count && result == 0; i++) {
    checkpoint.capture.area = &checkpoint.map.areas[i];
    if (checkpoint.options.huge &&
        dirty_is_new(&checkpoint.dirty, checkpoint.capture.area))
      ask_for_huge(checkpoint.capture.area);
    if (dirty_track(&checkpoint.dirty, checkpoint.capture.area, base))
      result = capture_visit(DIRTY_HOLE, checkpoint.capture.area->start,
                             checkpoint.capture.area->end, &checkpoint.capture);
  }
  statistics->track_ns = quiesce_resume() - begin;
  if (result == 0 && checkpoint.options.huge)
    make_huge(&checkpoint.map);
  return result;
}

/* Rounds, the first or some more. */
static int copy_rounds(bool base, Statistics *statistics,
                       struct hwckpt_error *error) {
  struct precopy *precopy = &checkpoint.precopy;
  uint64_t begin = quiesce_now_ns();
  int result =
      precopy_run(&checkpoint.capture, &checkpoint.map, base, precopy, error);
  checkpoint.little = IS_LITTLE(precopy->left, precopy->pages);
  statistics->rounds = precopy->rounds;
  statistics->pages_precopied = precopy->pages;
  statistics->precopy_ns += quiesce_now_ns() - begin;
  ring_widen(&checkpoint.ring);
  ring_touch(&checkpoint.ring, (uint32_t)(FEW_PAGES + 2 * precopy->left));
  return result;
}

/* The sample stands for a round, the only one. */
static void skip_rounds(Statistics *statistics) {
  struct precopy *precopy = &checkpoint.precopy;
  precopy->rounds = statistics->rounds = 1;
  precopy->first = precopy->pages;
  precopy->vain = true;
  statistics->pages_precopied = precopy->pages;
  statistics->method = Method_METHOD_STOP;
}

/* Copies in rounds what there is to copy by then. */
static int copy_before(bool base, const struct quiesce_hooks *hooks,
                       Statistics *statistics, struct hwckpt_error *error) {
  statistics->method = Method_METHOD_STOP;
  checkpoint.little = false;
  checkpoint.precopy = (struct precopy){0};
  if (checkpoint.dirty.method != DIRTY_WP || checkpoint.dirty.foreign ||
      !worth_rounds(base) || resources_read_directly())
    return 0;
  checkpoint.scanned = true;
  statistics->method = Method_METHOD_PRECOPY;
  int result = memory_map_glance(&checkpoint.map, error);
  bool early = !base && checkpoint.worth.vain && !is_much(new_bytes());
  bool vain = result == 0 && early && would_be_vain();
  if (result == 0 && !vain)
    result = track_new(base, hooks, statistics, error);
  if (result == 0 && !base && !vain && (!early || statistics->track_ns))
    vain = would_be_vain();
  if (result == 0 && vain) {
    skip_rounds(statistics);
    return 0;
  }
  return result == 0 ? copy_rounds(base, statistics, error) : result;
}

int checkpoint_copy_before(bool base, const struct quiesce_hooks *hooks,
                           Statistics *statistics, struct hwckpt_error *error) {
  int result = copy_before(base, hooks, statistics, error);
  ring_widen(&checkpoint.ring);
  return result;
}

/* Others were waited for, or preparing took long: what was written meanwhile is
 * not left to the stop. */
int checkpoint_copy_again(Statistics *statistics, struct hwckpt_error *error) {
  return statistics->rounds && !checkpoint.precopy.vain
             ? copy_rounds(false, statistics, error)
             : 0;
}
