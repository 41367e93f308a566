/* page_scan.c - see page_scan.h. */
#include "page_scan.h"

#include "../arch/sys.h"

#include <sys/ioctl.h>

#define SCAN_IOCTL _IOWR('f', 16, struct page_scan)

/* PAGE_GUARD or 0. */
static uint64_t guards;

const struct page_scan page_scan_holes = {
    .category_inverted = PAGE_PRESENT | PAGE_SWAPPED,
    .category_mask = PAGE_PRESENT | PAGE_SWAPPED,
    .return_mask = PAGE_PRESENT,
};

const struct page_scan page_scan_written = {
    .flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC,
    .category_mask = PAGE_WRITTEN,
    .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
    .return_mask = PAGE_WRITTEN | PAGE_FILE | PAGE_ZERO,
};
const struct page_scan page_scan_written_anonymous = {
    .flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC,
    .category_mask = PAGE_WRITTEN,
    .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
    .return_mask = PAGE_WRITTEN | PAGE_ZERO,
};

long page_scan_into(int pagemap, struct page_scan *scan,
                    struct page_region *regions, size_t room) {
  scan->size = sizeof *scan;
  scan->regions = (uint64_t)regions;
  scan->region_count = room;
  scan->return_mask |= guards;
  long found = SYS(ioctl, pagemap, SCAN_IOCTL, scan);
  /* The kernel takes 512 regions at a time. Where the last of these are fewer
   * and the scan ends with them, walk_end is where they began (seen with Linux
   * 6.18): who went on from there would get them twice. */
  if (found > 0 && scan->walk_end < regions[found - 1].end)
    scan->walk_end = regions[found - 1].end;
  return found;
}

/* The kernel takes memory for as many regions as there is room for. */
long page_scan(const struct page_scanner *scanner, struct page_scan *scan) {
  uint64_t most = (scan->end - scan->start) / 4096 + 1;
  return page_scan_into(scanner->pagemap, scan, scanner->regions,
                        most < PAGE_SCANNER_REGIONS ? most
                                                    : PAGE_SCANNER_REGIONS);
}

void page_scan_ask_guards(const struct page_scanner *scanner) {
  uint64_t here = (uint64_t)scanner->regions & ~4095ull;
  struct page_scan probe = {
      .start = here, .end = here + 4096, .return_mask = PAGE_GUARD};
  guards = page_scan(scanner, &probe) >= 0 ? PAGE_GUARD : 0;
}

bool page_scan_tells_guards(void) { return guards; }

long page_scan_each(const struct page_scanner *scanner,
                    const struct page_scan *criteria, uint64_t begin,
                    uint64_t end,
                    enum dirty_run (*classify)(uint64_t categories), bool holes,
                    dirty_visit *visit, void *context, int *answer) {
  struct page_scan scan = *criteria;
  scan.start = begin;
  scan.end = end;
  while (scan.start < end) {
    long count = page_scan(scanner, &scan);
    if (count < 0)
      return count;
    const struct page_region *region = scanner->regions;
    for (long i = 0; i < count; i++, region++) {
      enum dirty_run run = classify(region->categories);
      if (run == DIRTY_HOLE && !holes)
        continue;
      *answer = visit(run, region->start, region->end, context);
      if (*answer)
        return 0;
    }
    scan.start = scan.walk_end;
  }
  return 0;
}

enum dirty_run page_scan_is_hole(uint64_t categories) {
  (void)categories;
  return DIRTY_HOLE;
}
