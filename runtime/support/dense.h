/* dense.h - stretches of anonymous memory that have pages almost everywhere:
 * there one quick look finds written pages and holes.
 *
 * The kernel has a short way for the criteria WRITTEN alone
 * (pagemap_scan_pmd_entry() in fs/proc/task_mmu.c). It reports what is not
 * protected, so that in a stretch every place is protected, also one without a
 * page; what was given back since shows as written.
 */
#ifndef HWCKPT_SUPPORT_DENSE_H
#define HWCKPT_SUPPORT_DENSE_H

#include "page_scan.h"

struct dense {
  struct page_scanner scanner;
  int uffd;
  struct stretch *stretches; /* ascending */
  size_t count;
  uint64_t bytes; /* of all stretches */
  bool usable;    /* the kernel tells enough */
  enum { SWAPPED_UNKNOWN, SWAPPED_NO, SWAPPED_YES } swapped; /* pages are */
};

/* Private memory; false: there is none. */
bool dense_open(struct dense *dense, struct page_scanner scanner, int uffd);

/* Begins to look anew for where memory is dense; looks at [begin, end), tracked
 * anonymous memory, in ascending order, visiting holes there. The program runs.
 * False: a part of it may have lost its mark. */
void dense_survey_begin(struct dense *dense);
bool dense_survey(struct dense *dense, uint64_t begin, uint64_t end,
                  dirty_visit *visit, void *context);

/* The first part of [begin, end) that is in a stretch; false: none is. */
bool dense_in(const struct dense *dense, uint64_t begin, uint64_t end,
              uint64_t *from, uint64_t *to);

/* Visits what was written or dropped in [begin, end), a part of a stretch, and
 * protects it again. As page_scan_each(). The program stands still. */
long dense_scan(struct dense *dense, uint64_t begin, uint64_t end,
                dirty_visit *visit, void *context, int *answer);

/* Visits the same runs as they are, and changes nothing: by any thread. Each is
 * then for dense_visit(). */
long dense_list(const struct page_scanner *scanner, uint64_t begin,
                uint64_t end, dirty_visit *visit, void *context, int *answer);
/* Visits a run for what it is: pages, a hole, or some of both. */
int dense_visit(struct dense *dense, uint64_t begin, uint64_t end,
                dirty_visit *visit, void *context);

#endif
