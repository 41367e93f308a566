/* fork_gaps.c - see fork_gaps.h. */
#include "fork_gaps.h"

#include "../arch/sys.h"

#include <sys/mman.h>

/* Of whole huge pages, lest one is split; what is smaller takes as long to hide
 * as to clone. */
#define ALIGN (2ull << 20)
#define LEAST (4ull << 20)

static void hide(struct fork_gaps *gaps, uint64_t begin, uint64_t end) {
  if (gaps->count == FORK_GAPS ||
      SYS(madvise, begin, end - begin, MADV_DONTFORK) < 0)
    return;
  gaps->list[gaps->count].begin = begin;
  gaps->list[gaps->count++].end = end;
}

static void hide_large(struct fork_gaps *gaps, uint64_t begin, uint64_t end) {
  begin = (begin + ALIGN - 1) & ~(ALIGN - 1);
  end &= ~(ALIGN - 1);
  if (end >= begin + LEAST)
    hide(gaps, begin, end);
}

/* A search by several threads finds them in any order. */
static bool are_ascending(const struct runs *runs) {
  uint64_t before = 0;
  for (size_t i = 0; i < runs->count; i++) {
    if (runs->list[i].kind != DIRTY_PAGES)
      continue;
    if (runs->list[i].begin < before)
      return false;
    before = runs->list[i].end;
  }
  return true;
}

static bool may_hide(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS && !area->grows_down &&
         !area->huge_page;
}

void fork_gaps_hide(struct fork_gaps *gaps, const struct memory_map *map,
                    const struct runs *runs) {
  gaps->count = 0;
  for (size_t i = 0; i < map->count; i++)
    if (map->areas[i].source == AREA_SOURCE_SYSTEM_V)
      hide(gaps, map->areas[i].start, map->areas[i].end);
  if (!are_ascending(runs))
    return;
  size_t next = 0;
  for (size_t i = 0; i < map->count; i++) {
    const struct area *area = &map->areas[i];
    uint64_t at = area->start;
    for (; next < runs->count; next++) {
      const struct run *run = &runs->list[next];
      if (run->kind != DIRTY_PAGES)
        continue;
      if (run->begin >= area->end)
        break;
      if (may_hide(area))
        hide_large(gaps, at, run->begin);
      at = run->end;
    }
    if (may_hide(area))
      hide_large(gaps, at, area->end);
  }
}

void fork_gaps_show(const struct fork_gaps *gaps) {
  for (unsigned i = 0; i < gaps->count; i++)
    SYS(madvise, gaps->list[i].begin, gaps->list[i].end - gaps->list[i].begin,
        MADV_DOFORK);
}
