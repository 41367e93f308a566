/* pagemap.h - /proc/self/pagemap read page by page, for kernels without the
 * scan of page_scan.h (Documentation/admin-guide/mm/pagemap.rst and
 * soft-dirty.rst).
 */
#ifndef HWCKPT_SUPPORT_PAGEMAP_H
#define HWCKPT_SUPPORT_PAGEMAP_H

#include "page_scan.h"

/* Bits of an entry. */
#define PAGEMAP_SOFT_DIRTY (1ull << 55)
#define PAGEMAP_FILE (1ull << 61)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_PRESENT (1ull << 63)

enum pagemap_run { PAGEMAP_PAGES, PAGEMAP_HOLE, PAGEMAP_NOTHING };

/* Visits the runs of [begin, end) but those that are nothing. As
 * page_scan_each(). */
long pagemap_each(const struct page_scanner *scanner, uint64_t begin,
                  uint64_t end, enum pagemap_run (*classify)(uint64_t entry),
                  dirty_visit *visit, void *context, int *answer);

/* Whether the kernel keeps a bit for pages written since it was cleared. */
bool pagemap_has_soft_dirty(const struct page_scanner *scanner);

#endif
