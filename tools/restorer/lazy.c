/* lazy.c - memory that stays away until the program asks for it, or the loader
 * brings it.
 *
 * Invariant: from lazy_hand_over() on, a page of the registered areas is seen
 * only as the generation has it: a touch waits until it is there. The process
 * keeps no descriptor of that; the tool and its loader hold it. */
#include "restorer.h"

#include "../../runtime/arch/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

/* Of each thread's stack that is read at once, around its frame: what resuming
 * touches, and the first calls. */
#define STACK_BELOW (2 * (uint64_t)CACHE_PAGE_SIZE)
#define STACK_ABOVE ((uint64_t)64 << 10)

static struct {
  bool on;
  bool tracked; /* pages come protected */
  int uffd;
  long huge; /* PR_GET_THP_DISABLE, as it was */
  struct cache_range *areas;
  size_t count;
} lazy;

static long open_userfaultfd(void) {
  long fd = SYS(userfaultfd, O_CLOEXEC | O_NONBLOCK);
  long device =
      fd < 0 ? SYS(openat, AT_FDCWD, RESTORE_LAZY_DEVICE, O_RDWR | O_CLOEXEC, 0)
             : -1;
  if (device >= 0) {
    fd = SYS(ioctl, device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
    SYS(close, device);
  }
  return fd;
}

/* ---- huge pages ----
 *
 * The kernel may give memory huge pages unasked
 * (/sys/kernel/mm/transparent_hugepage/enabled: always). What is read into an
 * area before it is watched would then bring zeros where the rest of it is
 * missing, and nobody would be asked for that. */

static void forbid_huge_pages(void) {
  lazy.huge = SYS(prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0);
  SYS(prctl, PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static void allow_huge_pages(void) {
  bool were_off = lazy.huge > 0;
  SYS(prctl, PR_SET_THP_DISABLE, were_off, were_off ? lazy.huge & ~1l : 0, 0,
      0);
}

void lazy_open(size_t most_areas) {
  lazy.on = false;
  if (!restorer.plan.lazy)
    return;
  long fd = open_userfaultfd();
  lazy.tracked = restorer.plan.lazy == RESTORE_LAZILY_TRACKED;
  struct uffdio_api api = {.api = UFFD_API,
                           .features = lazy.tracked ? RESTORE_TRACKED_FEATURES
                                                    : RESTORE_LAZY_FEATURES};
  long result = fd < 0 ? fd : SYS(ioctl, fd, UFFDIO_API, &api);
  if (result < 0)
    FAIL(HWCKPT_E_NOT_LAZY, (int)-result, restorer.plan.application,
         "userfaultfd with events");
  lazy.areas = arena_map((most_areas + 1) * sizeof *lazy.areas);
  if (!lazy.areas)
    FAIL(HWCKPT_E_RESTORE_MEMORY, 0, "the restorer's own memory", "areas");
  lazy.uffd = (int)fd;
  lazy.on = true;
  forbid_huge_pages();
}

bool lazy_has(const Area *area) {
  for (size_t i = 0; lazy.on && i < lazy.count; i++)
    if (lazy.areas[i].begin == area->start)
      return true;
  return false;
}

bool lazy_take(const Area *area) {
  if (!lazy.on || !restore_is_lazy(area->kind == AreaKind_AREA_ANONYMOUS &&
                                       !area->huge_page,
                                   area->grows_down, area->end - area->start))
    return false;
  lazy.areas[lazy.count++] = (struct cache_range){area->start, area->end};
  return true;
}

/* ---- what is read at once ---- */

struct wanted {
  struct cache_range *ranges;
  size_t count;
};

static void add_stack(const Thread *thread, void *context) {
  struct wanted *wanted = context;
  uint64_t frame = thread->frame & ~(uint64_t)(CACHE_PAGE_SIZE - 1);
  for (size_t i = 0; i < lazy.count; i++) {
    struct cache_range area = lazy.areas[i];
    if (frame < area.begin || frame >= area.end)
      continue;
    if (frame - area.begin > STACK_BELOW)
      area.begin = frame - STACK_BELOW;
    if (area.end - frame > STACK_ABOVE)
      area.end = frame + STACK_ABOVE;
    wanted->ranges[wanted->count++] = area;
    return;
  }
}

static void sort(struct cache_range *ranges, size_t count) {
  for (size_t gap = count / 2; gap; gap /= 2)
    for (size_t i = gap; i < count; i++)
      for (size_t j = i; j >= gap && ranges[j].begin < ranges[j - gap].begin;
           j -= gap) {
        struct cache_range swap = ranges[j];
        ranges[j] = ranges[j - gap];
        ranges[j - gap] = swap;
      }
}

static size_t join(struct cache_range *ranges, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (kept && ranges[i].begin <= ranges[kept - 1].end) {
      if (ranges[i].end > ranges[kept - 1].end)
        ranges[kept - 1].end = ranges[i].end;
    } else {
      ranges[kept++] = ranges[i];
    }
  return kept;
}

/* Takes the gate's pages out. */
static size_t leave_out(struct cache_range *ranges, size_t count,
                        struct cache_range gate) {
  for (size_t i = 0; i < count; i++) {
    struct cache_range whole = ranges[i];
    if (whole.end <= gate.begin || whole.begin >= gate.end)
      continue;
    if (whole.begin < gate.begin && whole.end > gate.end) {
      memmove(&ranges[i + 1], &ranges[i], (count - i) * sizeof *ranges);
      ranges[i].end = gate.begin;
      ranges[i + 1].begin = gate.end;
      return count + 1;
    }
    if (whole.begin < gate.begin)
      ranges[i].end = gate.begin;
    else
      ranges[i].begin = whole.end < gate.end ? whole.end : gate.end;
  }
  return count;
}

size_t lazy_add_wanted(const struct cache_reader *reader,
                       struct cache_range *ranges, size_t count) {
  if (!lazy.on)
    return count;
  struct wanted wanted = {ranges, count};
  struct cache_range gate = {restorer.process.gate,
                             restorer.process.gate + RESTORE_GATE_SIZE};
  each_thread(reader, add_stack, &wanted);
  sort(ranges, wanted.count);
  count = join(ranges, wanted.count);
  return leave_out(ranges, count, gate);
}

/* ---- handing over ---- */

static void watch(struct cache_range range) {
  struct uffdio_register area = {
      .range = {.start = range.begin, .len = range.end - range.begin},
      .mode = UFFDIO_REGISTER_MODE_MISSING |
              (lazy.tracked ? UFFDIO_REGISTER_MODE_WP : 0)};
  long result = SYS(ioctl, lazy.uffd, UFFDIO_REGISTER, &area);
  if (result < 0)
    FAIL(HWCKPT_E_NOT_LAZY, (int)-result, "memory", "%llx-%llx",
         (unsigned long long)range.begin, (unsigned long long)range.end);
}

bool lazy_hand_over(void) {
  if (!lazy.on)
    return false;
  for (size_t i = 0; i < lazy.count; i++)
    watch(lazy.areas[i]);
  /* In an area that is read at once, or in one of those: again is harmless. */
  watch((struct cache_range){restorer.process.gate,
                             restorer.process.gate + RESTORE_GATE_SIZE});
  allow_huge_pages();
  give(RESTORE_LAZY, lazy.uffd);
  return true;
}
