/* dirty.h - which pages hold something, and which were written since the last
 * capture.
 *
 * Written pages are found with an asynchronous write-protecting userfaultfd and
 * PAGEMAP_SCAN (Linux 6.7, Documentation/admin-guide/mm/pagemap.rst and
 * userfaultfd.rst): the kernel clears a page's protection at its first write
 * without waking anybody. Without that, by the soft-dirty bits of older kernels
 * (soft-dirty.rst): they are cleared in the stop, for all pages at once, so
 * that nothing is found while the program runs. So it is by mprotect(2), where
 * that is asked for. Without these, all pages count as written. Invariant: a
 * page that dirty_scan() does not report in a tracked area is as it was at the
 * scan before.
 */
#ifndef HWCKPT_SUPPORT_DIRTY_H
#define HWCKPT_SUPPORT_DIRTY_H

#include "dense.h"
#include "memory_map.h"

enum dirty_method {
  DIRTY_AUTO,    /* the best the kernel has */
  DIRTY_WP,      /* userfaultfd write protection, or an error */
  DIRTY_SOFT,    /* soft-dirty bits, or an error */
  DIRTY_PROTECT, /* mprotect() and SIGSEGV (protect.h) */
  DIRTY_FULL,    /* none: every scan reports all pages that hold something */
};

#define DIRTY_OWED 32u

struct dirty {
  enum dirty_method method; /* as resolved: not AUTO */
  int uffd;                 /* of WP */
  int clear_refs;           /* of SOFT: /proc/self/clear_refs */
  bool inherited;           /* what was written since the restore is known */
  bool scans;               /* the kernel has PAGEMAP_SCAN */
  struct page_scanner scanner;
  uint64_t step;      /* bytes that the next sweep looks at */
  uint64_t newcomers; /* areas that came to be tracked */

  /* What the next scan takes whole, as if it were new: where a sweep failed,
   * pages may have lost their mark without having been reported. */
  struct {
    uint64_t begin, end;
  } owed[DIRTY_OWED];
  unsigned owed_count;
  bool owed_all; /* too many to list */

  /* The program may have userfaultfds of its own; one was found to track an
   * area in the same way: the marks there are the program's. */
  bool others, foreign;

  struct dense dense; /* of anonymous memory (dirty_survey()) */
};

/* Opens what the method needs. The descriptors belong to the calling thread's
 * table of descriptors. `tracking`: a descriptor by which memory is tracked
 * since the program was restored, -1: none; it is taken over, or closed. */
int dirty_open(struct dirty *dirty, enum dirty_method method, int tracking,
               struct hwckpt_error *error);

/* Scans an area. With `all`, every page that holds something is reported and no
 * holes (for a base). Otherwise the pages written since the last scan, and
 * holes; an area that is new or has moved is reported as one hole first, and
 * then with all its pages. After the scan the area is tracked, where the method
 * can. Only while the program is stopped. */
int dirty_scan(struct dirty *dirty, const struct area *area, bool all,
               dirty_visit *visit, void *context, struct hwckpt_error *error);

/* How many areas, from that one on, can be scanned together: none of them is
 * large, new or shared. Below 2: it is to be scanned by itself. */
size_t dirty_together(const struct dirty *dirty, const struct area *areas,
                      size_t count);
/* As dirty_scan() without `all`, of as many; a run may be of several areas. The
 * three calls of a scan take longer than the pages of a small area. */
int dirty_scan_together(const struct dirty *dirty, const struct area *areas,
                        size_t count, dirty_visit *visit, void *context,
                        struct hwckpt_error *error);

/* Nothing of this memory is tracked any more: the next scan reports it as new,
 * unless somebody else has it then. false: somebody else has some of it, and
 * all is as it was. Between scans and sweeps. */
bool dirty_let_go(const struct dirty *dirty, uint64_t begin, uint64_t end);

/* ---- while the program runs ----
 *
 * A sweep reports pages written so far and protects them again. The map it goes
 * by may be out of date: what it misses is found by the scan in the end. */

/* Whether an area could be tracked, and is not yet. */
bool dirty_is_new(const struct dirty *dirty, const struct area *area);

/* Whether it is tracked: nothing has come in its place since. */
bool dirty_knows(const struct dirty *dirty, const struct area *area);

/* Tracks an area that is new; only while the program is stopped: by a map that
 * is out of date a part of a mapping would be tracked, and the kernel would
 * make two of it, which mremap() for one does not take for one. True: nothing
 * older than now counts for the area, and all its pages count as written; with
 * `all` they do so from the sweep of everything on that follows, which has to
 * look at each page anyway. */
bool dirty_track(struct dirty *dirty, const struct area *area, bool all);

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

/* ---- without changing anything, while the program stands still ---- */

/* Whether pages of the area that are not reported are as they were. */
bool dirty_is_known(const struct dirty *dirty, const struct area *area);
/* Reports what dirty_scan() without `all` would of an area that is known, or a
 * part of it; on any thread, with a scanner of its own. As page_scan_each(). */
long dirty_list_by(const struct page_scanner *scanner, const struct area *area,
                   dirty_visit *visit, void *context, int *answer);
/* The same; and of an area that is not known all pages, whether they hold
 * something or not. */
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
