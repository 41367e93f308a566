/* page_scan.h - the kernel's scan of page tables (PAGEMAP_SCAN, Linux 6.7,
 * Documentation/admin-guide/mm/pagemap.rst), and what a scan reports.
 *
 * The structures are declared here because the headers of distributions that
 * run a newer kernel may not have them. A scanner belongs to one thread at a
 * time.
 */
#ifndef HWCKPT_SUPPORT_PAGE_SCAN_H
#define HWCKPT_SUPPORT_PAGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dirty_run {
  DIRTY_PAGES, /* pages that hold something (and were written) */
  DIRTY_HOLE,  /* nothing of the area's own here: zero, or the file below */
};

/* Called for runs of an area in ascending order within each kind; non-zero ends
 * the scan and is returned. */
typedef int dirty_visit(enum dirty_run run, uint64_t begin, uint64_t end,
                        void *context);

struct page_region {
  uint64_t start, end, categories;
};

/* struct pm_scan_arg of linux/fs.h */
struct page_scan {
  uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
  uint64_t category_inverted, category_mask, category_anyof, return_mask;
};
#define SCAN_WP_MATCHING 1ull
#define SCAN_CHECK_WPASYNC 2ull
#define PAGE_WPALLOWED (1ull << 0)
#define PAGE_WRITTEN (1ull << 1)
#define PAGE_FILE (1ull << 2)
#define PAGE_PRESENT (1ull << 3)
#define PAGE_SWAPPED (1ull << 4)
#define PAGE_ZERO (1ull << 5)
#define PAGE_GUARD                                                             \
  (1ull << 8) /* since Linux 6.16; it counts as swapped out                    \
               */

/* Where there is nothing, or only a marker is left. */
extern const struct page_scan page_scan_holes;
/* Pages written since they were protected, which protects them anew. */
extern const struct page_scan page_scan_written;
/* The same of an anonymous area: whether a page is a file's need not be asked,
 * which costs a look at each. */
extern const struct page_scan page_scan_written_anonymous;

struct page_scanner {
  int pagemap;                 /* /proc/self/pagemap */
  struct page_region *regions; /* private memory, for what a scan finds */
};

#define PAGE_SCANNER_REGIONS 4096u

/* page_scanner.c. Memory for a scanner of that file; false: there is none. */
bool page_scanner_open(struct page_scanner *scanner, int pagemap);
void page_scanner_close(struct page_scanner *scanner);

/* The rest needs no other part of the runtime: the restorer has it too. One
 * call: the number of regions found, or a negative errno. The scan's start,
 * end and criteria are the caller's. */
long page_scan(const struct page_scanner *scanner, struct page_scan *scan);

/* The same into an array of so many regions. */
long page_scan_into(int pagemap, struct page_scan *scan,
                    struct page_region *regions, size_t room);

/* Looks at all of [begin, end), visiting each region that fits the criteria
 * with `run` as `classify` says. Returns 0 or a negative errno; *answer is what
 * the visit that ended it returned. */
long page_scan_each(const struct page_scanner *scanner,
                    const struct page_scan *criteria, uint64_t begin,
                    uint64_t end,
                    enum dirty_run (*classify)(uint64_t categories), bool holes,
                    dirty_visit *visit, void *context, int *answer);

/* Asks the kernel whether it tells guard pages (guards.h). If so, each region
 * that is found says whether it is of them: they hold nothing. */
void page_scan_ask_guards(const struct page_scanner *scanner);
bool page_scan_tells_guards(void);

/* A classification: holes all. */
enum dirty_run page_scan_is_hole(uint64_t categories);

#endif
