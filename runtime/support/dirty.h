/* dirty.h - which pages hold something, and which were written since the last
 * capture.
 *
 * Written pages are found with an asynchronous write-protecting userfaultfd and
 * PAGEMAP_SCAN (Linux 6.7, Documentation/admin-guide/mm/pagemap.rst and
 * userfaultfd.rst): the kernel clears a page's protection at its first write
 * without waking anybody. Invariant: a page that dirty_scan() does not report
 * in a tracked area is as it was at the scan before.
 */
#ifndef HWCKPT_SUPPORT_DIRTY_H
#define HWCKPT_SUPPORT_DIRTY_H

#include "memory_map.h"

enum dirty_method {
  DIRTY_AUTO, /* the best the kernel has */
  DIRTY_WP,   /* userfaultfd write protection, or an error */
  DIRTY_FULL, /* none: every scan reports all pages that hold something */
};

#define DIRTY_OWED 32u

struct dirty {
  enum dirty_method method; /* as resolved: WP or FULL */
  int uffd;                 /* -1: none */
  int pagemap;              /* /proc/self/pagemap */
  void *regions;            /* private buffer for scan results */

  /* What the next scan takes whole, as if it were new: where a sweep failed,
   * pages may have lost their mark without having been reported. */
  struct {
    uint64_t begin, end;
  } owed[DIRTY_OWED];
  unsigned owed_count;
  bool owed_all; /* too many to list */

  /* Stretches of anonymous memory that have pages almost everywhere, ascending
   * (dirty_survey()): there one quick scan finds written pages and holes. */
  struct stretch *dense;
  size_t dense_count;
  enum { DIRTY_UNKNOWN, DIRTY_NO, DIRTY_YES } swapped; /* pages are */
};

/* Opens what the method needs. The descriptors belong to the calling thread's
 * table of descriptors. */
int dirty_open(struct dirty *dirty, enum dirty_method method,
               struct hwckpt_error *error);

enum dirty_run {
  DIRTY_PAGES, /* pages that hold something (and were written) */
  DIRTY_HOLE,  /* nothing of the area's own here: zero, or the file below */
};

/* Called for runs of an area in ascending order within each kind; non-zero ends
 * the scan and is returned. */
typedef int dirty_visit(enum dirty_run run, uint64_t begin, uint64_t end,
                        void *context);

/* Scans an area. With `all`, every page that holds something is reported and no
 * holes (for a base). Otherwise the pages written since the last scan, and
 * holes; an area that is new or has moved is reported as one hole first, and
 * then with all its pages. After the scan the area is tracked, where the method
 * can. Only while the program is stopped. */
int dirty_scan(struct dirty *dirty, const struct area *area, bool all,
               dirty_visit *visit, void *context, struct hwckpt_error *error);

/* ---- while the program runs ----
 *
 * A sweep reports pages written so far and protects them again. The map it goes
 * by may be out of date: what it misses is found by the scan in the end. */

/* Whether an area could be tracked, and is not yet. */
bool dirty_is_new(const struct dirty *dirty, const struct area *area);

/* Tracks an area that is new; only while the program is stopped: by a map that
 * is out of date a part of a mapping would be tracked, and the kernel would
 * make two of it, which mremap() for one does not take for one. True: nothing
 * older than now counts for the area, and all its pages count as written. */
bool dirty_track(struct dirty *dirty, const struct area *area);

/* Whether an area can be swept. With `all`, every page of it counts as
 * written. */
bool dirty_sweep_begin(struct dirty *dirty, const struct area *area, bool all);

/* Sweeps from `at` on, `most` pages at most, with holes for pages that hold
 * nothing. Returns where to go on. The visitor's answer does not count. */
uint64_t dirty_sweep(struct dirty *dirty, const struct area *area, uint64_t at,
                     uint32_t most, dirty_visit *visit, void *context);

/* Begins to look anew for where memory is dense; and looks at an area, in
 * ascending order, reporting holes there, which are no news to the scan in the
 * end then. It only matters for the time that takes. */
void dirty_survey_begin(struct dirty *dirty);
void dirty_survey(struct dirty *dirty, const struct area *area,
                  dirty_visit *visit, void *context);

/* Pages that were reported and could not be copied count as written again. */
void dirty_missed(struct dirty *dirty, uint64_t begin, uint64_t end);

/* A scan of all areas, the program standing still, is done: it made up for what
 * sweeps failed in. */
void dirty_settled(struct dirty *dirty);

/* Reports what dirty_scan() without `all` would, and of an area that is not
 * tracked all pages, whether they hold something or not; changes nothing. Only
 * while the program is stopped. */
int dirty_list(const struct dirty *dirty, const struct area *area,
               dirty_visit *visit, void *context, struct hwckpt_error *error);
/* From now on no page of the area counts as written. Only while the program is
 * stopped. */
int dirty_clean(const struct dirty *dirty, const struct area *area,
                struct hwckpt_error *error);

/* Makes the pages of [begin, end), which lie in the area, written ones: the
 * next scan reports those that hold something and, if the file below does, all
 * of a private mapping. Only while the program is stopped. */
void dirty_touch(const struct dirty *dirty, const struct area *area,
                 uint64_t begin, uint64_t end);

#endif
