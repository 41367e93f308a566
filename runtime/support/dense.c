/* dense.c - see dense.h. */
#include "dense.h"

#include "../arch/sys.h"
#include "private.h"
#include "task.h"
#include "write_protect.h"

#include <string.h>

struct stretch {
  uint64_t begin, end;
};
#define STRETCHES 65536u
#define TABLE_BYTES (2ull << 20) /* what one page table covers */

static const struct page_scan written_and_protected = {
    .flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC,
    .category_mask = PAGE_WRITTEN,
    .return_mask = PAGE_WRITTEN,
};
static const struct page_scan written = {
    .flags = SCAN_CHECK_WPASYNC,
    .category_mask = PAGE_WRITTEN,
    .return_mask = PAGE_WRITTEN,
};
static const struct page_scan in_memory = {
    .category_mask = PAGE_PRESENT,
    .return_mask = PAGE_PRESENT,
};

/* Whether a place without a page table shows as written: else what is given
 * back by whole page tables (MADV_DONTNEED of huge pages, and from Linux 6.14
 * on of any) would not be seen. */
static bool shows_lost_tables(const struct page_scanner *scanner, int uffd) {
  char *empty = private_map(2 * TABLE_BYTES);
  uint64_t begin = ((uint64_t)empty + TABLE_BYTES - 1) & ~(TABLE_BYTES - 1);
  struct page_scan scan = written;
  scan.start = begin;
  scan.end = begin + TABLE_BYTES;
  bool shows = empty && write_protect_register(uffd, scan.start, scan.end) &&
               page_scan(scanner, &scan) == 1 &&
               scanner->regions->end - scanner->regions->start == TABLE_BYTES;
  private_unmap(empty, 2 * TABLE_BYTES);
  return shows;
}

bool dense_open(struct dense *dense, struct page_scanner scanner, int uffd) {
  dense->scanner = scanner;
  dense->uffd = uffd;
  dense->usable = shows_lost_tables(&scanner, uffd);
  dense->stretches = private_map(STRETCHES * sizeof *dense->stretches);
  return dense->stretches != 0;
}

/* ---- where memory is dense ---- */

void dense_survey_begin(struct dense *dense) {
  dense->count = dense->bytes = 0;
}

static void add_stretch(struct dense *dense, uint64_t begin, uint64_t end) {
  if (begin >= end || dense->count == STRETCHES)
    return;
  dense->stretches[dense->count++] = (struct stretch){begin, end};
  dense->bytes += end - begin;
}

/* Cuts what has no page table at all out of [begin, end). */
static void find_stretches(struct dense *dense, uint64_t begin, uint64_t end) {
  struct page_scan scan = page_scan_holes;
  scan.start = begin;
  scan.end = end;
  while (scan.start < end) {
    long count = page_scan(&dense->scanner, &scan);
    if (count < 0)
      return;
    const struct page_region *region = dense->scanner.regions;
    for (long i = 0; i < count; i++, region++) {
      uint64_t from = (region->start + TABLE_BYTES - 1) & ~(TABLE_BYTES - 1);
      uint64_t to = region->end & ~(TABLE_BYTES - 1);
      if (from >= to)
        continue;
      add_stretch(dense, begin, from);
      begin = to;
    }
    scan.start = scan.walk_end;
  }
  add_stretch(dense, begin, end);
}

bool dense_survey(struct dense *dense, uint64_t begin, uint64_t end,
                  dirty_visit *visit, void *context) {
  size_t first = dense->count;
  bool whole = true;
  if (dense->usable)
    find_stretches(dense, begin, end);
  /* The holes that are left are protected, each in one step with being told:
   * what is written there later shows. */
  struct page_scan holes = page_scan_holes;
  holes.flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC;
  for (size_t i = first; i < dense->count; i++) {
    int answer = 0;
    whole &= page_scan_each(&dense->scanner, &holes, dense->stretches[i].begin,
                            dense->stretches[i].end, page_scan_is_hole, true,
                            visit, context, &answer) == 0;
  }
  return whole;
}

bool dense_in(const struct dense *dense, uint64_t begin, uint64_t end,
              uint64_t *from, uint64_t *to) {
  size_t low = 0, high = dense->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (dense->stretches[middle].end > begin)
      high = middle;
    else
      low = middle + 1;
  }
  if (low == dense->count || dense->stretches[low].begin >= end)
    return false;
  const struct stretch *stretch = &dense->stretches[low];
  *from = stretch->begin > begin ? stretch->begin : begin;
  *to = stretch->end < end ? stretch->end : end;
  return true;
}

/* ---- what was written ---- */

/* VmSwap in /proc/self/status is not 0. */
static bool look_for_swapped(void) {
  static const char key[] = "VmSwap:";
  char text[4096];
  if (task_read((int)SYS(gettid), "status", text, sizeof text) <= 0)
    return true;
  for (const char *p = text; *p; p++)
    if (memcmp(p, key, sizeof key - 1) == 0) {
      for (p += sizeof key - 1; *p == ' ' || *p == '\t'; p++)
        ;
      return *p != '0';
    }
  return true;
}

/* Whether pages of the process are swapped out. Asked once a scan. */
static bool has_swapped(struct dense *dense) {
  if (dense->swapped == SWAPPED_UNKNOWN)
    dense->swapped = look_for_swapped() ? SWAPPED_YES : SWAPPED_NO;
  return dense->swapped == SWAPPED_YES;
}

#define SHORT_RUN (64 * 4096ull) /* copied though it may be a hole */

/* A written run is pages or a hole. A short one is copied as it is: a hole
 * reads as zero. Of a long one the pages in memory are, and the rest is a hole
 * when nothing is swapped out. Not by the dense memory's own scanner: that one
 * may be in the middle of a scan. */
int dense_visit(struct dense *dense, uint64_t begin, uint64_t end,
                dirty_visit *visit, void *context) {
  if (end - begin <= SHORT_RUN || has_swapped(dense))
    return visit(DIRTY_PAGES, begin, end, context);
  struct page_region regions[64];
  int answer = visit(DIRTY_HOLE, begin, end, context);
  for (uint64_t at = begin; at < end && answer == 0;) {
    struct page_scan scan = in_memory;
    scan.start = at;
    scan.end = end;
    long count = page_scan_into(dense->scanner.pagemap, &scan, regions,
                                sizeof regions / sizeof *regions);
    if (count < 0) /* all of it, then */
      return visit(DIRTY_PAGES, at, end, context);
    for (long i = 0; i < count && answer == 0; i++)
      answer = visit(DIRTY_PAGES, regions[i].start, regions[i].end, context);
    at = scan.walk_end;
  }
  return answer;
}

static enum dirty_run is_written(uint64_t categories) {
  return categories & PAGE_GUARD ? DIRTY_HOLE : DIRTY_PAGES;
}

struct scanning {
  struct dense *dense;
  dirty_visit *visit;
  void *context;
};

static int visit_scanned(enum dirty_run run, uint64_t begin, uint64_t end,
                         void *context) {
  const struct scanning *scanning = context;
  (void)run;
  return dense_visit(scanning->dense, begin, end, scanning->visit,
                     scanning->context);
}

long dense_scan(struct dense *dense, uint64_t begin, uint64_t end,
                dirty_visit *visit, void *context, int *answer) {
  struct scanning scanning = {dense, visit, context};
  return page_scan_each(&dense->scanner, &written_and_protected, begin, end,
                        is_written, false, visit_scanned, &scanning, answer);
}

long dense_list(const struct page_scanner *scanner, uint64_t begin,
                uint64_t end, dirty_visit *visit, void *context, int *answer) {
  return page_scan_each(scanner, &written, begin, end, is_written, false, visit,
                        context, answer);
}
