/* handover.c - see handover.h. */
#include "handover.h"

#include "../resources/resource.h"
#include "live.h"
#include "loaded.h"
#include "private.h"
#include "write_protect.h"

/* Pages of a piece: the kernel takes 0.2 us for each, most of it to take the
 * loader's protection away and to protect it anew. */
#define PIECE_PAGES 4096u

/* The program maps and moves memory while its map is read, so that a piece may
 * not be one any more when it stands still: so often in a row. */
#define TRIES 16u

static LIVE struct {
  uint64_t at; /* what is before is done */
  unsigned failed;
  struct page_region *written;
} done;

static bool may_be_loaded(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS && !area->huge_page;
}

/* Tracked, but not by us, nor lets us. */
static bool is_the_loaders(const struct dirty *dirty, const struct area *area) {
  return may_be_loaded(area) && dirty_knows(dirty, area) &&
         !write_protect_register(dirty->uffd, area->start, area->end);
}

/* All but the gate, by which the loader is asked. */
static bool is_left(const struct area *area, struct page_scan *part) {
  uint64_t gate = loaded_gate(), behind = gate + RESTORE_GATE_SIZE;
  part->start = area->start;
  part->end = area->end;
  if (part->start >= gate && part->start < behind)
    part->start = behind;
  else if (part->start < gate && part->end > gate)
    part->end = gate;
  return area->start >= done.at && part->start < part->end;
}

static bool next_piece(const struct dirty *dirty, const struct memory_map *map,
                       struct page_scan *piece) {
  for (size_t i = 0; i < map->count; i++) {
    const struct area *area = &map->areas[i];
    struct page_scan there = {.max_pages = PIECE_PAGES,
                              .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
                              .return_mask = PAGE_PRESENT};
    if (!is_left(area, &there) || !is_the_loaders(dirty, area))
      continue;
    *piece = page_scan_written_anonymous;
    piece->flags &= ~SCAN_WP_MATCHING;
    piece->start = there.start;
    piece->end = page_scan(&dirty->scanner, &there) < 0 || !there.walk_end
                     ? there.end
                     : there.walk_end;
    return true;
  }
  return false;
}

static int visit_none(enum dirty_run run, uint64_t begin, uint64_t end,
                      void *context) {
  (void)run, (void)begin, (void)end, (void)context;
  return 0;
}

/* The program stands still. How many runs of the piece count as written and
 * are to lose their protection again, or less than 0; a piece that has more
 * ends before those. By a map that is out of date what is there now may be
 * other areas: they are not tracked, and nothing is done. */
static long take_over(const struct dirty *dirty, struct page_scan *piece,
                      const struct restore_moved **moved) {
  long count = page_scan_into(dirty->scanner.pagemap, piece, done.written,
                              PAGE_SCANNER_REGIONS);
  int answer = 0;
  if (count < 0)
    return count;
  piece->end = piece->walk_end;
  *moved = loaded_release(piece->start, piece->end);
  if (!*moved || !write_protect_register(dirty->uffd, piece->start, piece->end))
    return -1;
  long result = page_scan_each(&dirty->scanner, &page_scan_written_anonymous,
                               piece->start, piece->end, page_scan_is_hole,
                               false, visit_none, 0, &answer);
  return result < 0 ? result : count;
}

/* What came protected, and was moved, is not what the generation has there. */
static void count_moved(const struct dirty *dirty,
                        const struct page_scan *piece,
                        const struct restore_moved *moved) {
  for (uint64_t i = 0; i < moved->count; i++) {
    uint64_t begin = moved->ranges[i].begin, end = moved->ranges[i].end;
    begin = begin < piece->start ? piece->start : begin;
    end = end > piece->end ? piece->end : end;
    if (begin < end)
      write_protect_clear(dirty->uffd, begin, end);
  }
}

static bool can_stop(void) {
  struct hwckpt_error error;
  return resources_may_stop(&error) == 0;
}

/* While the program runs: nothing is allocated in the stop. */
static bool prepare(const struct dirty *dirty) {
  if (!done.written)
    done.written = private_map(PAGE_SCANNER_REGIONS * sizeof *done.written);
  return done.written && dirty->method == DIRTY_WP && can_stop();
}

bool handover_next(struct dirty *dirty, struct memory_map *map,
                   const struct quiesce_hooks *hooks) {
  const struct restore_moved *moved = 0;
  struct hwckpt_error error;
  struct page_scan piece;
  struct parked *threads;
  unsigned stopped;
  if (!prepare(dirty) || memory_map_glance(map, &error) < 0 ||
      !next_piece(dirty, map, &piece) ||
      quiesce_stop(hooks, &threads, &stopped, &error) < 0) {
    loaded_end();
    private_unmap(done.written, PAGE_SCANNER_REGIONS * sizeof *done.written);
    done.written = 0;
    return false;
  }
  long count = take_over(dirty, &piece, &moved);
  quiesce_resume();
  for (long i = 0; i < count; i++)
    write_protect_clear(dirty->uffd, done.written[i].start,
                        done.written[i].end);
  if (count >= 0)
    count_moved(dirty, &piece, moved);
  if (moved)
    loaded_answered();
  done.failed = moved ? 0 : done.failed + 1;
  if (done.failed % TRIES == 0)
    done.at = piece.end;
  return true;
}

void handover_forget(void) {
  done.at = 0;
  done.failed = 0;
  done.written = 0;
}
