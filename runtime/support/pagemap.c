/* pagemap.c - see pagemap.h. */
#include "pagemap.h"

#include "../arch/sys.h"

#define PAGE 4096ull
#define ENTRIES 4096u /* as many fit into the memory of a scanner */

struct run {
  enum pagemap_run kind;
  uint64_t begin, end;
};

static int tell(const struct run *run, dirty_visit *visit, void *context) {
  if (run->kind == PAGEMAP_NOTHING || run->begin == run->end)
    return 0;
  return visit(run->kind == PAGEMAP_HOLE ? DIRTY_HOLE : DIRTY_PAGES, run->begin,
               run->end, context);
}

static long read_entries(const struct page_scanner *scanner, uint64_t begin,
                         uint64_t end) {
  uint64_t pages = (end - begin) / PAGE;
  pages = pages < ENTRIES ? pages : ENTRIES;
  long got = SYS(pread64, scanner->pagemap, scanner->regions,
                 pages * sizeof(uint64_t), begin / PAGE * sizeof(uint64_t));
  return got < 0 ? got : got / (long)sizeof(uint64_t);
}

long pagemap_each(const struct page_scanner *scanner, uint64_t begin,
                  uint64_t end, enum pagemap_run (*classify)(uint64_t entry),
                  dirty_visit *visit, void *context, int *answer) {
  const uint64_t *entries = (const uint64_t *)scanner->regions;
  struct run run = {PAGEMAP_NOTHING, begin, begin};
  while (run.end < end) {
    long count = read_entries(scanner, run.end, end);
    if (count <= 0)
      return count < 0 ? count : -5 /* EIO */;
    for (long i = 0; i < count; i++, run.end += PAGE) {
      enum pagemap_run kind = classify(entries[i]);
      if (kind == run.kind)
        continue;
      *answer = tell(&run, visit, context);
      if (*answer)
        return 0;
      run.kind = kind;
      run.begin = run.end;
    }
  }
  *answer = tell(&run, visit, context);
  return 0;
}

bool pagemap_has_soft_dirty(const struct page_scanner *scanner) {
  /* A page that was just written for the first time has it. */
  uint64_t here = (uint64_t)scanner->regions & ~(PAGE - 1);
  *(volatile uint64_t *)here = 1;
  return read_entries(scanner, here, here + PAGE) == 1 &&
         *(const uint64_t *)scanner->regions & PAGEMAP_SOFT_DIRTY;
}
