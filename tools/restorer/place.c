/* place.c - the program's memory: every saved area mapped at its address,
 * filled from the generation and its chain, then protected as it was. */
#include "restorer.h"

#include "../../runtime/arch/sys.h"
#include "../../runtime/own_mode.h"
#include "../../runtime/support/huge_page.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_POOL "memory of huge pages (/proc/sys/vm/nr_hugepages)"

static struct {
  struct placed {
    struct cache_range range;
    int protection;
    bool anonymous;
    uint64_t huge_page; /* of MAP_HUGETLB, 0: ordinary */
  } *areas;
  size_t count;
  struct cache_range *wanted; /* filled from the generation */
  size_t wanted_count;
} places;

/* ---- mapping ---- */

static int open_file(const Area *area) {
  if (area->deleted)
    FAIL(HWCKPT_E_FILE_GONE, 0, area->name,
         "mapped at %llx-%llx, deleted before the checkpoint",
         (unsigned long long)area->start, (unsigned long long)area->end);
  bool shared = area->kind == AreaKind_AREA_FILE_SHARED;
  bool writes = shared && area->protection & PROT_WRITE;
  long fd = -EACCES;
  if (shared)
    fd = SYS(openat, AT_FDCWD, area->name, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0 && !writes)
    fd = SYS(openat, AT_FDCWD, area->name, O_RDONLY | O_CLOEXEC, 0);
  if (fd == -EACCES)
    fd = own_mode_open(area->name, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC, 0);
  if (fd < 0)
    FAIL(fd == -ENOENT || fd == -ENOTDIR ? HWCKPT_E_FILE_GONE
                                         : HWCKPT_E_FILE_PERMISSION,
         (int)-fd, area->name, "mapped at %llx-%llx",
         (unsigned long long)area->start, (unsigned long long)area->end);
  return (int)fd;
}

static int mapping_flags(const Area *area) {
  int flags = MAP_FIXED_NOREPLACE;
  switch (area->kind) {
  case AreaKind_AREA_FILE_SHARED:
    return flags | MAP_SHARED;
  case AreaKind_AREA_FILE_PRIVATE:
    flags |= MAP_PRIVATE;
    break;
  default:
    flags |=
        MAP_PRIVATE | MAP_ANONYMOUS | (int)huge_page_flags(area->huge_page);
  }
  /* What the program cannot write is not counted against its memory. */
  if (!(area->protection & PROT_WRITE))
    flags |= MAP_NORESERVE;
  return area->grows_down ? flags | MAP_GROWSDOWN : flags;
}

static void map_area(const Area *area) {
  bool file = area->kind == AreaKind_AREA_FILE_PRIVATE ||
              area->kind == AreaKind_AREA_FILE_SHARED;
  int fd = file ? open_file(area) : -1;
  int protection = area->kind == AreaKind_AREA_FILE_SHARED
                       ? (int)area->protection
                       : PROT_READ | PROT_WRITE;
  int flags = mapping_flags(area);
  uint64_t size = area->end - area->start;
  uint64_t offset = file ? area->offset : 0;
  long result = SYS(mmap, area->start, size, protection, flags, fd, offset);
  /* A sanitizer's shadow, or another mapping far larger than memory. */
  if (result == -ENOMEM)
    result = SYS(mmap, area->start, size, protection, flags | MAP_NORESERVE, fd,
                 offset);
  if (file)
    SYS(close, fd);
  if (result == (long)area->start)
    return;
  enum hwckpt_code code = HWCKPT_E_ADDRESS;
  if (result == -ENOMEM)
    code = HWCKPT_E_RESTORE_MEMORY;
  else if (file && (result == -EACCES || result == -EPERM))
    code = HWCKPT_E_FILE_PERMISSION;
  FAIL(code, result < 0 ? (int)-result : 0,
       area->huge_page ? HUGE_POOL
       : area->name[0] ? area->name
                       : "anonymous memory",
       "map %llx-%llx", (unsigned long long)area->start,
       (unsigned long long)area->end);
}

static void place(const Area *area, void *context) {
  (void)context;
  if (area->kind == AreaKind_AREA_KERNEL)
    return;
  if ((unsigned)area->kind > AreaKind_AREA_KERNEL)
    FAIL(HWCKPT_E_RECORD, 0, "memory", "kind %u of %llx-%llx",
         (unsigned)area->kind, (unsigned long long)area->start,
         (unsigned long long)area->end);
  if (area->kind == AreaKind_AREA_SHARED_MEMORY)
    shared_memory_map(area);
  else
    map_area(area);
  if (area->kind == AreaKind_AREA_FILE_SHARED)
    return;
  bool lazy = lazy_take(area);
  struct cache_range range = {area->start, area->end};
  places.areas[places.count++] =
      (struct placed){range, (int)area->protection,
                      !lazy && area->kind == AreaKind_AREA_ANONYMOUS &&
                          !area->grows_down && !area->huge_page,
                      area->huge_page};
  if (lazy)
    return;
  /* Neighbours become one range. */
  if (places.wanted_count &&
      places.wanted[places.wanted_count - 1].end == range.begin)
    places.wanted[places.wanted_count - 1].end = range.end;
  else
    places.wanted[places.wanted_count++] = range;
}

/* ---- huge pages ----
 *
 * First touch of memory is most of a restore. An area that was nearly all in
 * use is given huge pages; where gaps of some size were, they would be filled
 * with memory that the program never asked for. */

#define HUGE_PAGE ((uint64_t)2 << 20)
#define HUGE_AREA_MIN (4 * HUGE_PAGE)

static uint64_t huge_pages_in(uint64_t begin, uint64_t end) {
  uint64_t first = (begin + HUGE_PAGE - 1) / HUGE_PAGE, last = end / HUGE_PAGE;
  return last > first ? last - first : 0;
}

static void advise(const struct cache_plan *plan, struct cache_range area) {
  uint64_t full = 0, all = huge_pages_in(area.begin, area.end);
  struct cache_range run = {area.begin, area.begin};
  while (run.end < area.end && cache_plan_run(plan, run.end, &run))
    full += huge_pages_in(run.begin, run.end < area.end ? run.end : area.end);
  if (full >= all - all / 8)
    SYS(madvise, area.begin, area.end - area.begin, MADV_HUGEPAGE);
}

/* Pages that the pool has not, and that were not reserved, would end the
 * program where it is filled. */
static void take_huge_pages(const struct cache_plan *plan,
                            const struct placed *area) {
  uint64_t mask = area->huge_page - 1;
  struct cache_range run = {area->range.begin, area->range.begin};
  while (cache_plan_run(plan, run.end, &run) && run.begin < area->range.end) {
    uint64_t begin = run.begin & ~mask, end = (run.end + mask) & ~mask;
    end = end < area->range.end ? end : area->range.end;
    long result = SYS(madvise, begin, end - begin, MADV_POPULATE_WRITE);
    if (result < 0)
      FAIL(HWCKPT_E_RESTORE_MEMORY, (int)-result, HUGE_POOL, "at %llx-%llx",
           (unsigned long long)begin, (unsigned long long)end);
    run.end = end;
  }
}

static void advise_all(const struct cache_plan *plan) {
  for (size_t i = 0; i < places.count; i++) {
    struct cache_range range = places.areas[i].range;
    if (places.areas[i].huge_page)
      take_huge_pages(plan, &places.areas[i]);
    else if (places.areas[i].anonymous &&
             range.end - range.begin >= HUGE_AREA_MIN)
      advise(plan, range);
  }
}

/* ---- protecting ---- */

static void protect(const struct placed *area) {
  if (area->protection == (PROT_READ | PROT_WRITE))
    return;
  uint64_t size = area->range.end - area->range.begin;
  long result = SYS(mprotect, area->range.begin, size, area->protection);
  if (result < 0)
    FAIL(result == -ENOMEM ? HWCKPT_E_RESTORE_MEMORY : HWCKPT_E_ADDRESS,
         (int)-result, "memory", "protect %llx-%llx",
         (unsigned long long)area->range.begin,
         (unsigned long long)area->range.end);
}

void place_areas(struct cache_reader *reader) {
  size_t most = count_records(reader);
  places.areas = arena_map(most * sizeof *places.areas);
  places.wanted = arena_map((2 * most + 1) * sizeof *places.wanted);
  if (!places.areas || !places.wanted)
    FAIL(HWCKPT_E_RESTORE_MEMORY, 0, "the restorer's own memory", "%zu records",
         most);
  lazy_open(most);
  shared_memory_make(reader);
  each_area(reader, place, NULL);
  shared_memory_join(reader);
  places.wanted_count =
      lazy_add_wanted(reader, places.wanted, places.wanted_count);
  fill_memory(reader, places.wanted, places.wanted_count, advise_all);
  for (size_t i = 0; i < places.count; i++)
    protect(&places.areas[i]);
  shared_memory_seal(reader);
}
