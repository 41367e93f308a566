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

struct dirty {
  enum dirty_method method; /* as resolved: WP or FULL */
  int uffd;                 /* -1: none */
  int pagemap;              /* /proc/self/pagemap */
  void *regions;            /* private buffer for scan results */
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

/* Makes the pages of [begin, end), which lie in the area, written ones: the
 * next scan reports those that hold something and, if the file below does, all
 * of a private mapping. Only while the program is stopped. */
void dirty_touch(const struct dirty *dirty, const struct area *area,
                 uint64_t begin, uint64_t end);

#endif
