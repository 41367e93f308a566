/* dirty.c - see dirty.h. */
#include "dirty.h"

#include "../arch/sys.h"
#include "calls.h"
#include "pagemap.h"
#include "protect.h"
#include "write_protect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

static int lacks(struct hwckpt_error *error, long result, const char *object,
                 const char *what) {
  return hwckpt_fail(error, HWCKPT_E_KERNEL_TOO_OLD,
                     result < 0 ? (int)-result : 0, object, "%s", what);
}

static int no_memory(struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 12, "page scan", "");
}

static long try_scan(const struct dirty *dirty) {
  uint64_t here = (uint64_t)dirty->scanner.regions;
  struct page_scan probe = {
      .start = here, .end = here + 4096, .return_mask = PAGE_PRESENT};
  return page_scan(&dirty->scanner, &probe);
}

static int open_write_protection(struct dirty *dirty, int tracking,
                                 struct hwckpt_error *error) {
  long scans = try_scan(dirty);
  if (scans < 0)
    return lacks(error, scans, "PAGEMAP_SCAN", "ioctl on /proc/self/pagemap");
  dirty->uffd = tracking >= 0 ? tracking : write_protect_open();
  if (dirty->uffd < 0)
    return lacks(error, dirty->uffd, "userfaultfd",
                 "asynchronous write protection");
  if (dense_open(&dirty->dense, dirty->scanner, dirty->uffd))
    return 0;
  if (tracking < 0)
    SYS(close, dirty->uffd);
  return no_memory(error);
}

static int open_soft_dirty(struct dirty *dirty, int tracking,
                           struct hwckpt_error *error) {
  (void)tracking;
  if (!pagemap_has_soft_dirty(&dirty->scanner))
    return lacks(error, 0, "soft-dirty", "bit 55 of /proc/self/pagemap");
  dirty->clear_refs = (int)SYS(openat, AT_FDCWD, "/proc/thread-self/clear_refs",
                               O_WRONLY | O_CLOEXEC, 0);
  return dirty->clear_refs < 0
             ? lacks(error, dirty->clear_refs, "/proc/self/clear_refs", "open")
             : 0;
}

static int open_protection(struct dirty *dirty, int tracking,
                           struct hwckpt_error *error) {
  (void)dirty, (void)tracking;
  if (!calls_are_all_told())
    return hwckpt_fail(error, HWCKPT_E_UNTOLD_CALLS, 0, "track=mprotect", "");
  return protect_reserve() ? 0 : no_memory(error);
}

static int open_nothing(struct dirty *dirty, int tracking,
                        struct hwckpt_error *error) {
  (void)dirty, (void)tracking, (void)error;
  return 0;
}

/* In the order in which they are tried; protection is only asked for. */
static const struct {
  enum dirty_method method;
  int (*open)(struct dirty *dirty, int tracking, struct hwckpt_error *error);
} ways[] = {
    {DIRTY_WP, open_write_protection},
    {DIRTY_SOFT, open_soft_dirty},
    {DIRTY_PROTECT, open_protection},
    {DIRTY_FULL, open_nothing},
};

static int open_method(struct dirty *dirty, enum dirty_method method,
                       int tracking, struct hwckpt_error *error) {
  int result = -1;
  dirty->scans = try_scan(dirty) >= 0;
  if (dirty->scans)
    page_scan_ask_guards(&dirty->scanner);
  for (size_t i = 0; result < 0 && i < sizeof ways / sizeof *ways; i++) {
    if (method == DIRTY_AUTO ? ways[i].method == DIRTY_PROTECT
                             : method != ways[i].method)
      continue;
    dirty->method = ways[i].method;
    result = ways[i].open(dirty, tracking, error);
  }
  return result;
}

int dirty_open(struct dirty *dirty, enum dirty_method method, int tracking,
               struct hwckpt_error *error) {
  int result;
  int pagemap = (int)SYS(openat, AT_FDCWD, "/proc/thread-self/pagemap",
                         O_RDONLY | O_CLOEXEC, 0);
  if (pagemap < 0)
    result = hwckpt_fail(error, HWCKPT_E_CAPTURE, -pagemap,
                         "/proc/self/pagemap", "open");
  else if (!page_scanner_open(&dirty->scanner, pagemap))
    result = no_memory(error);
  else
    result = open_method(dirty, method, tracking, error);
  dirty->inherited = tracking >= 0 && result == 0 && dirty->method == DIRTY_WP;
  if (tracking >= 0 && !dirty->inherited)
    SYS(close, tracking);
  if (result < 0 && pagemap >= 0) {
    page_scanner_close(&dirty->scanner);
    SYS(close, pagemap);
  }
  return result;
}

/* As page_scan_each(), of an area. */
static long walk(const struct dirty *dirty, const struct area *area,
                 const struct page_scan *criteria,
                 enum dirty_run (*classify)(uint64_t categories), bool holes,
                 dirty_visit *visit, void *context, int *answer) {
  return page_scan_each(&dirty->scanner, criteria, area->start, area->end,
                        classify, holes, visit, context, answer);
}

/* A zero page, a guard, or an unchanged page of the file is nothing of the
 * area's own. */
static enum dirty_run classify_written(uint64_t categories) {
  return categories & (PAGE_FILE | PAGE_ZERO | PAGE_GUARD) ? DIRTY_HOLE
                                                           : DIRTY_PAGES;
}

static enum dirty_run classify_dropped(uint64_t categories) {
  return categories & PAGE_SWAPPED && !(categories & PAGE_GUARD) ? DIRTY_PAGES
                                                                 : DIRTY_HOLE;
}

static const struct page_scan present_criteria = {
    .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
    .return_mask = PAGE_FILE | PAGE_ZERO,
};
/* Where there is nothing of the area's own. A dropped page (MADV_DONTNEED) of a
 * file mapping keeps its protection: as a marker, which shows as swapped, or on
 * the file's own page when that has been read since. A marker cannot be told
 * from a page that is swapped out, so both are copied. */
static const struct page_scan dropped_criteria = {
    .category_inverted = PAGE_PRESENT,
    .category_anyof = PAGE_PRESENT | PAGE_FILE,
    .return_mask = PAGE_SWAPPED,
};

static const struct page_scan *written_of(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS ? &page_scan_written_anonymous
                                           : &page_scan_written;
}

/* Not text, whose pages come and go with the memory there is. */
static bool may_be_dropped(const struct area *area) {
  return area->type == AREA_TYPE_FILE_PRIVATE &&
         (area->protection & PROT_WRITE || !(area->protection & PROT_EXEC));
}

/* Whether what is not in memory may hold something all the same: in a file on
 * disk, or swapped out, which mincore(2) does not tell from a hole. */
static bool is_whole(const struct area *area) {
  struct sysinfo system;
  if (area->type == AREA_TYPE_FILE_COPY || area->on_disk)
    return true;
  return SYS(sysinfo, &system) < 0 || system.freeswap != system.totalswap;
}

/* Pages of shared memory need not be in this process's page table: others may
 * have written them. */
static int scan_shared(const struct area *area, dirty_visit *visit,
                       void *context) {
  unsigned char resident[1024];
  uint64_t run = 0; /* start of a run of resident pages, 0: none */
  bool whole = is_whole(area);
  for (uint64_t at = area->start; at < area->backed_end;) {
    uint64_t pages = (area->backed_end - at) / 4096;
    pages = pages < sizeof resident ? pages : sizeof resident;
    if (SYS(mincore, at, pages * 4096, resident) < 0)
      return 0;
    for (uint64_t i = 0; i < pages; i++, at += 4096) {
      if (whole || resident[i] & 1) {
        run = run ? run : at;
        continue;
      }
      int answer = run ? visit(DIRTY_PAGES, run, at, context) : 0;
      if (answer)
        return answer;
      run = 0;
    }
  }
  return run ? visit(DIRTY_PAGES, run, area->backed_end, context) : 0;
}

static int scan_failed(const struct area *area, long result,
                       struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, "page scan",
                     "area %llx-%llx %s", (unsigned long long)area->start,
                     (unsigned long long)area->end, area->name);
}

/* EPERM: the area is not ours yet. An area is tracked whole or not at all, so
 * its first page tells; the probe protects nothing. */
static bool is_tracked(const struct dirty *dirty, const struct area *area) {
  struct page_scan probe = {.flags = SCAN_CHECK_WPASYNC,
                            .start = area->start,
                            .end = area->start + 4096,
                            .category_mask = PAGE_WRITTEN,
                            .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
                            .return_mask = PAGE_WRITTEN};
  return page_scan(&dirty->scanner, &probe) >= 0;
}

static bool track(const struct dirty *dirty, const struct area *area) {
  return write_protect_register(dirty->uffd, area->start, area->end);
}

/* Older kernels take it from others too, but nothing of theirs is registered
 * once more. */
bool dirty_let_go(const struct dirty *dirty, uint64_t begin, uint64_t end) {
  return dirty->method == DIRTY_WP &&
         write_protect_register(dirty->uffd, begin, end) &&
         write_protect_unregister(dirty->uffd, begin, end);
}

static bool is_owed(const struct dirty *dirty, const struct area *area) {
  if (dirty->owed_all)
    return true;
  for (unsigned i = 0; i < dirty->owed_count; i++)
    if (dirty->owed[i].begin < area->end && dirty->owed[i].end > area->start)
      return true;
  return false;
}

static bool can_be_tracked(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS ||
         area->type == AREA_TYPE_FILE_PRIVATE;
}

enum tracking { KNOWN, FRESH, UNTRACKED };

/* Sees to it that the area is tracked. */
static enum tracking attach(struct dirty *dirty, const struct area *area) {
  if (dirty->method != DIRTY_WP)
    return dirty->method == DIRTY_SOFT ? KNOWN : UNTRACKED;
  enum tracking state = is_owed(dirty, area) ? FRESH : KNOWN;
  bool tracked = is_tracked(dirty, area);
  if (!tracked || dirty->others) { /* once more changes nothing if it is ours */
    if (!track(dirty, area)) {
      dirty->foreign |= tracked;
      return UNTRACKED;
    }
    state = tracked ? state : FRESH;
    dirty->newcomers += !tracked;
  }
  return state;
}

/* The same. With `all`, and when it is new, every
 * page of it counts as written: mremap() drops the tracking of what it moves,
 * and of areas that become one with that, but their pages stay protected. */
static enum tracking prepare(struct dirty *dirty, const struct area *area,
                             bool all) {
  enum tracking state = attach(dirty, area);
  bool clear = dirty->method == DIRTY_WP && state != UNTRACKED &&
               (all || state == FRESH);
  if (clear && write_protect_clear(dirty->uffd, area->start, area->end) < 0)
    return UNTRACKED;
  return state;
}

/* What lost what it held, or was dropped. */
static long scan_lost(const struct page_scanner *scanner,
                      const struct area *area, dirty_visit *visit,
                      void *context, int *answer) {
  bool dropped = may_be_dropped(area);
  return page_scan_each(scanner, dropped ? &dropped_criteria : &page_scan_holes,
                        area->start, area->end,
                        dropped ? classify_dropped : page_scan_is_hole, true,
                        visit, context, answer);
}

static long scan_sparse(const struct dirty *dirty, const struct area *area,
                        dirty_visit *visit, void *context, int *answer) {
  long result = walk(dirty, area, written_of(area), classify_written, true,
                     visit, context, answer);
  if (result == 0 && *answer == 0)
    result = scan_lost(&dirty->scanner, area, visit, context, answer);
  return result;
}

/* Written pages and holes of an area that was tracked before. */
static long scan_known(struct dirty *dirty, const struct area *area,
                       dirty_visit *visit, void *context, int *answer) {
  struct area part = *area;
  uint64_t from, to;
  long result = 0;
  while (result == 0 && *answer == 0 && part.start < area->end) {
    bool dense = area->type == AREA_TYPE_ANONYMOUS &&
                 dense_in(&dirty->dense, part.start, area->end, &from, &to);
    part.end = dense ? from : area->end;
    if (part.start < part.end)
      result = scan_sparse(dirty, &part, visit, context, answer);
    if (dense && result == 0 && *answer == 0)
      result = dense_scan(&dirty->dense, from, to, visit, context, answer);
    part.start = dense ? to : area->end;
  }
  return result;
}

/* ---- where nothing is tracked, or by soft-dirty bits ---- */

static enum pagemap_run is_present(uint64_t entry) {
  return !(entry & PAGEMAP_FILE) && entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)
             ? PAGEMAP_PAGES
             : PAGEMAP_NOTHING;
}

static enum pagemap_run is_soft_dirty(uint64_t entry) {
  if (is_present(entry) == PAGEMAP_NOTHING)
    return PAGEMAP_HOLE;
  return entry & PAGEMAP_SOFT_DIRTY ? PAGEMAP_PAGES : PAGEMAP_NOTHING;
}

static long scan_present(const struct dirty *dirty, const struct area *area,
                         dirty_visit *visit, void *context, int *answer) {
  if (dirty->scans)
    return walk(dirty, area, &present_criteria, classify_written, false, visit,
                context, answer);
  return pagemap_each(&dirty->scanner, area->start, area->end, is_present,
                      visit, context, answer);
}

static long scan_tracked(struct dirty *dirty, const struct area *area,
                         dirty_visit *visit, void *context, int *answer) {
  if (dirty->method == DIRTY_SOFT)
    return pagemap_each(&dirty->scanner, area->start, area->end, is_soft_dirty,
                        visit, context, answer);
  return scan_known(dirty, area, visit, context, answer);
}

/* ---- by mprotect() ---- */

struct listing {
  const struct area *area;
  bool all;
  uint64_t at; /* what is before has been told */
  dirty_visit *visit;
  void *context;
};

/* What is between the pages that hold something holds nothing. */
static int list_protected(enum dirty_run run, uint64_t begin, uint64_t end,
                          void *context) {
  struct listing *listing = context;
  int answer = 0;
  (void)run;
  if (!listing->all && listing->at < begin)
    answer = listing->visit(DIRTY_HOLE, listing->at, begin, listing->context);
  listing->at = end;
  protect_note(listing->area, begin, end);
  if (answer)
    return answer;
  return listing->all
             ? listing->visit(DIRTY_PAGES, begin, end, listing->context)
             : protect_each_written(begin, end, listing->visit,
                                    listing->context);
}

static int scan_protected(const struct dirty *dirty, const struct area *area,
                          bool all, dirty_visit *visit, void *context,
                          struct hwckpt_error *error) {
  struct listing listing = {area, all, area->start, visit, context};
  int answer = 0;
  long result = scan_present(dirty, area, list_protected, &listing, &answer);
  if (result < 0)
    return scan_failed(area, result, error);
  if (answer || all || listing.at == area->end)
    return answer;
  return visit(DIRTY_HOLE, listing.at, area->end, context);
}

/* ---- of huge pages ---- */

/* Of shared memory the page table does not tell what is there: each page is
 * asked for, which where none is takes one of those that are reserved for it;
 * where the pool has none it is none. */
static int scan_shared_huge(const struct area *area, dirty_visit *visit,
                            void *context, struct hwckpt_error *error) {
  long memory =
      SYS(openat, AT_FDCWD, "/proc/thread-self/mem", O_RDONLY | O_CLOEXEC, 0);
  int answer = 0;
  char byte;
  if (memory < 0)
    return scan_failed(area, memory, error);
  for (uint64_t at = area->start; at < area->end && !answer;
       at += area->huge_page) {
    bool there = SYS(pread64, memory, &byte, 1, at) == 1;
    answer = visit(there ? DIRTY_PAGES : DIRTY_HOLE, at, at + area->huge_page,
                   context);
  }
  SYS(close, memory);
  return answer;
}

/* Only what is there: reading the rest would take pages from the pool. */
static int scan_huge(const struct dirty *dirty, const struct area *area,
                     bool all, dirty_visit *visit, void *context,
                     struct hwckpt_error *error) {
  if (area->type == AREA_TYPE_SHARED_MEMORY)
    return scan_shared_huge(area, visit, context, error);
  int answer = all ? 0 : visit(DIRTY_HOLE, area->start, area->end, context);
  long result = answer ? 0 : scan_present(dirty, area, visit, context, &answer);
  return result < 0 ? scan_failed(area, result, error) : answer;
}

/* Smaller areas are scanned soon enough: nothing is surveyed there. */
#define DENSE_AREA (1ull << 20)

/* Most are: then the scan itself tells (EPERM: it is not tracked), and nothing
 * need be asked before. */
static bool may_be_known(const struct dirty *dirty, const struct area *area) {
  return dirty->method == DIRTY_WP && !dirty->others && can_be_tracked(area) &&
         !is_owed(dirty, area) &&
         (area->type == AREA_TYPE_FILE_PRIVATE ||
          area->end - area->start < DENSE_AREA);
}

int dirty_scan(struct dirty *dirty, const struct area *area, bool all,
               dirty_visit *visit, void *context, struct hwckpt_error *error) {
  int answer = 0;
  long result;
  if (area->huge_page)
    return scan_huge(dirty, area, all, visit, context, error);
  if (area->type == AREA_TYPE_SHARED_MEMORY ||
      area->type == AREA_TYPE_FILE_COPY) {
    if (!all)
      answer = visit(DIRTY_HOLE, area->start, area->end, context);
    return answer ? answer : scan_shared(area, visit, context);
  }
  if (dirty->method == DIRTY_PROTECT && area->type == AREA_TYPE_ANONYMOUS)
    return scan_protected(dirty, area, all, visit, context, error);
  if (!all && may_be_known(dirty, area) &&
      (result = scan_sparse(dirty, area, visit, context, &answer)) != -EPERM)
    return result < 0 ? scan_failed(area, result, error) : answer;
  enum tracking state = prepare(dirty, area, all);
  if (state == KNOWN && !all) {
    result = scan_tracked(dirty, area, visit, context, &answer);
    return result < 0 ? scan_failed(area, result, error) : answer;
  }
  if (!all)
    answer = visit(DIRTY_HOLE, area->start, area->end, context);
  if (answer)
    return answer;
  if (dirty->method != DIRTY_WP || state == UNTRACKED)
    result = scan_present(dirty, area, visit, context, &answer);
  else
    result = walk(dirty, area, written_of(area), classify_written, false, visit,
                  context, &answer);
  return result < 0 ? scan_failed(area, result, error) : answer;
}

/* ---- many small areas ---- */

#define TOGETHER 1024u

/* Tracked memory only: protects nothing and reports nothing, as no page is in
 * memory and swapped out. */
static bool are_tracked(const struct dirty *dirty, uint64_t begin,
                        uint64_t end) {
  struct page_scan probe = {.flags = SCAN_CHECK_WPASYNC,
                            .start = begin,
                            .end = end,
                            .category_mask = PAGE_PRESENT | PAGE_SWAPPED,
                            .return_mask = PAGE_PRESENT};
  return page_scan(&dirty->scanner, &probe) == 0 && probe.walk_end == end;
}

size_t dirty_together(const struct dirty *dirty, const struct area *areas,
                      size_t count) {
  size_t together = 0;
  if (dirty->method != DIRTY_WP || dirty->others || dirty->owed_all ||
      dirty->owed_count)
    return 0;
  count = count < TOGETHER ? count : TOGETHER;
  while (together < count && areas[together].type == AREA_TYPE_ANONYMOUS &&
         !areas[together].huge_page &&
         areas[together].end - areas[together].start < DENSE_AREA)
    together++;
  return together > 1 &&
                 are_tracked(dirty, areas->start, areas[together - 1].end)
             ? together
             : 0;
}

int dirty_scan_together(const struct dirty *dirty, const struct area *areas,
                        size_t count, dirty_visit *visit, void *context,
                        struct hwckpt_error *error) {
  struct area all = areas[0];
  int answer = 0;
  all.end = areas[count - 1].end;
  long result = scan_sparse(dirty, &all, visit, context, &answer);
  return result < 0 ? scan_failed(&all, result, error) : answer;
}

/* ---- without changing anything ---- */

bool dirty_is_known(const struct dirty *dirty, const struct area *area) {
  return dirty->method == DIRTY_WP && can_be_tracked(area) && !dirty->foreign &&
         !is_owed(dirty, area) && is_tracked(dirty, area);
}

/* Written pages, then those that lost what they held, or were dropped. */
long dirty_list_by(const struct page_scanner *scanner, const struct area *area,
                   dirty_visit *visit, void *context, int *answer) {
  struct page_scan written = *written_of(area);
  written.flags &= ~SCAN_WP_MATCHING;
  long result = page_scan_each(scanner, &written, area->start, area->end,
                               classify_written, true, visit, context, answer);
  if (result == 0 && *answer == 0)
    result = scan_lost(scanner, area, visit, context, answer);
  return result;
}

int dirty_list(const struct dirty *dirty, const struct area *area,
               dirty_visit *visit, void *context, struct hwckpt_error *error) {
  if (!dirty_is_known(dirty, area))
    return visit(DIRTY_PAGES, area->start, area->end, context);
  int answer = 0;
  long result = dirty_list_by(&dirty->scanner, area, visit, context, &answer);
  return result < 0 ? scan_failed(area, result, error) : answer;
}

/* ---- for a rollback ---- */

static int visit_none(enum dirty_run run, uint64_t begin, uint64_t end,
                      void *context) {
  (void)run, (void)begin, (void)end, (void)context;
  return 0;
}

int dirty_clean(const struct dirty *dirty, const struct area *area,
                struct hwckpt_error *error) {
  int answer = 0;
  if (dirty->method != DIRTY_WP ||
      (!is_tracked(dirty, area) && !track(dirty, area)))
    return 0;
  long result = walk(dirty, area, written_of(area), page_scan_is_hole, false,
                     visit_none, 0, &answer);
  return result < 0 ? scan_failed(area, result, error) : 0;
}

/* ---- while the program runs ---- */

static void owe(struct dirty *dirty, uint64_t begin, uint64_t end) {
  if (dirty->owed_count == DIRTY_OWED) {
    dirty->owed_all = true;
    return;
  }
  dirty->owed[dirty->owed_count].begin = begin;
  dirty->owed[dirty->owed_count++].end = end;
}

void dirty_settled(struct dirty *dirty) {
  /* Every page of the process; where that fails nothing is known from now on.
   */
  if (dirty->method == DIRTY_SOFT && SYS(write, dirty->clear_refs, "4", 1) != 1)
    dirty->method = DIRTY_FULL;
  dirty->owed_count = 0;
  dirty->owed_all = false;
  dirty->dense.swapped = SWAPPED_UNKNOWN;
}

bool dirty_is_new(const struct dirty *dirty, const struct area *area) {
  return dirty->method == DIRTY_WP && can_be_tracked(area) &&
         !is_tracked(dirty, area);
}

bool dirty_knows(const struct dirty *dirty, const struct area *area) {
  return dirty->method == DIRTY_WP && can_be_tracked(area) &&
         is_tracked(dirty, area);
}

bool dirty_track(struct dirty *dirty, const struct area *area, bool all) {
  if (!dirty_is_new(dirty, area))
    return false;
  enum tracking state = all ? attach(dirty, area) : prepare(dirty, area, false);
  if (state == UNTRACKED)
    owe(dirty, area->start, area->end);
  return state == FRESH;
}

bool dirty_sweep_begin(struct dirty *dirty, const struct area *area, bool all) {
  if (!can_be_tracked(area) || is_owed(dirty, area) || !is_tracked(dirty, area))
    return false;
  /* What cannot be read is copied while the program stands still. */
  bool readable = area->protection & PROT_READ;
  if (!all)
    return readable;
  if (readable && write_protect_clear(dirty->uffd, area->start, area->end) == 0)
    return true;
  owe(dirty, area->start, area->end);
  return false;
}

/* How much is swept at once, which is owed when it fails; where nothing is
 * found more and more, so that the terabytes that sanitizers reserve are soon
 * over. */
#define SWEEP_BYTES (16ull << 20)
#define SWEEP_MAX (1ull << 40)

uint64_t dirty_sweep(struct dirty *dirty, const struct area *area, uint64_t at,
                     uint32_t most, dirty_visit *visit, void *context) {
  uint64_t step = at == area->start ? SWEEP_BYTES : dirty->step;
  struct page_scan scan = *written_of(area);
  scan.start = at;
  scan.end = area->end - at < step ? area->end : at + step;
  scan.max_pages = most;
  long count = page_scan(&dirty->scanner, &scan);
  dirty->step = count || step == SWEEP_MAX ? SWEEP_BYTES : step * 2;
  if (count < 0) {
    owe(dirty, at, scan.end);
    return scan.end;
  }
  const struct page_region *region = dirty->scanner.regions;
  for (long i = 0; i < count; i++, region++)
    visit(classify_written(region->categories), region->start, region->end,
          context);
  return scan.walk_end;
}

/* ---- where memory is dense ---- */

void dirty_survey_begin(struct dirty *dirty) {
  dense_survey_begin(&dirty->dense);
}

void dirty_survey(struct dirty *dirty, const struct area *area,
                  dirty_visit *visit, void *context) {
  if (area->type == AREA_TYPE_ANONYMOUS && area->protection & PROT_READ &&
      area->end - area->start >= DENSE_AREA && !is_owed(dirty, area) &&
      is_tracked(dirty, area) &&
      !dense_survey(&dirty->dense, area->start, area->end, visit, context))
    owe(dirty, area->start, area->end);
}

void dirty_missed(struct dirty *dirty, uint64_t begin, uint64_t end) {
  /* What is not there any more, or not tracked, is seen to be new. */
  write_protect_clear(dirty->uffd, begin, end);
}

/* Writes to each page what is there, so that it becomes the mapping's own. */
static void write_back(uint64_t begin, uint64_t end) {
  long memory =
      SYS(openat, AT_FDCWD, "/proc/thread-self/mem", O_RDWR | O_CLOEXEC, 0);
  if (memory < 0)
    return;
  for (uint64_t at = begin; at < end; at += 4096) {
    char byte;
    if (SYS(pread64, memory, &byte, 1, at) == 1)
      SYS(pwrite64, memory, &byte, 1, at);
  }
  SYS(close, memory);
}

void dirty_touch(const struct dirty *dirty, const struct area *area,
                 uint64_t begin, uint64_t end) {
  bool anonymous = area->type == AREA_TYPE_ANONYMOUS;
  if (area->type == AREA_TYPE_FILE_PRIVATE ||
      (anonymous && dirty->method == DIRTY_SOFT)) {
    write_back(begin, end);
  } else if (anonymous && dirty->method == DIRTY_PROTECT) {
    protect_touch(begin, end);
  } else if (anonymous && dirty->method == DIRTY_WP) {
    /* Fails where the area is not tracked yet; it is new to the next scan. */
    write_protect_clear(dirty->uffd, begin, end);
  }
}
