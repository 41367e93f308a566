/* dirty.c - see dirty.h. The kernel's structures are declared here because the
 * headers of distributions that run a newer kernel may not have them. */
#include "dirty.h"

#include "../arch/sys.h"
#include "private.h"
#include "task.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* linux/userfaultfd.h */
struct uffd_api {
  uint64_t api, features, ioctls;
};
struct uffd_register {
  uint64_t start, length, mode, ioctls;
};
struct uffd_protect {
  uint64_t start, length, mode;
};
#define UFFD_API_VERSION 0xAAull
#define UFFD_USER_MODE_ONLY 1
#define UFFD_FEATURE_WP_UNPOPULATED (1ull << 13)
#define UFFD_FEATURE_WP_ASYNC (1ull << 15)
#define UFFD_IOCTL_API _IOWR(0xAA, 0x3F, struct uffd_api)
#define UFFD_IOCTL_REGISTER _IOWR(0xAA, 0x00, struct uffd_register)
#define UFFD_IOCTL_PROTECT _IOWR(0xAA, 0x06, struct uffd_protect)
#define UFFD_REGISTER_WP (1ull << 1)

/* linux/fs.h */
struct scan_region {
  uint64_t start, end, categories;
};
struct scan_argument {
  uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
  uint64_t category_inverted, category_mask, category_anyof, return_mask;
};
#define SCAN_IOCTL _IOWR('f', 16, struct scan_argument)
#define SCAN_WP_MATCHING 1ull
#define SCAN_CHECK_WPASYNC 2ull
#define PAGE_WRITTEN (1ull << 1)
#define PAGE_FILE (1ull << 2)
#define PAGE_PRESENT (1ull << 3)
#define PAGE_SWAPPED (1ull << 4)
#define PAGE_ZERO (1ull << 5)

struct stretch {
  uint64_t begin, end;
};
#define STRETCHES 65536u
#define HUGE_BYTES (2ull << 20) /* what one page table covers */

#define REGIONS 4096
#define REGION_BYTES (REGIONS * sizeof(struct scan_region))

static int open_uffd(void) {
  long fd = SYS(userfaultfd, UFFD_USER_MODE_ONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return (int)fd;
  struct uffd_api api = {.api = UFFD_API_VERSION,
                         .features = UFFD_FEATURE_WP_UNPOPULATED |
                                     UFFD_FEATURE_WP_ASYNC};
  long result = SYS(ioctl, fd, UFFD_IOCTL_API, &api);
  if (result < 0) {
    SYS(close, fd);
    return (int)result;
  }
  return (int)fd;
}

static long scan(const struct dirty *dirty, struct scan_argument *argument) {
  argument->size = sizeof *argument;
  argument->regions = (uint64_t)dirty->regions;
  argument->region_count = REGIONS;
  return SYS(ioctl, dirty->pagemap, SCAN_IOCTL, argument);
}

int dirty_open(struct dirty *dirty, enum dirty_method method,
               struct hwckpt_error *error) {
  dirty->uffd = -1;
  dirty->regions = private_map(REGION_BYTES);
  dirty->dense = private_map(STRETCHES * sizeof *dirty->dense);
  if (!dirty->regions || !dirty->dense)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 12, "page scan", "%zu",
                       REGION_BYTES);
  dirty->pagemap =
      (int)SYS(openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
  if (dirty->pagemap < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, -dirty->pagemap,
                       "/proc/self/pagemap", "open");
  uint64_t here = (uint64_t)dirty->regions;
  struct scan_argument probe = {
      .start = here, .end = here + 4096, .return_mask = PAGE_PRESENT};
  long result = scan(dirty, &probe);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_KERNEL_TOO_OLD, (int)-result,
                       "PAGEMAP_SCAN", "ioctl on /proc/self/pagemap");
  dirty->method = DIRTY_FULL;
  if (method == DIRTY_FULL)
    return 0;
  dirty->uffd = open_uffd();
  if (dirty->uffd >= 0)
    dirty->method = DIRTY_WP;
  else if (method == DIRTY_WP)
    return hwckpt_fail(error, HWCKPT_E_KERNEL_TOO_OLD, -dirty->uffd,
                       "userfaultfd", "asynchronous write protection");
  return 0;
}

/* Walks [area) with the scan's criteria, visiting each region with `run` as
 * `classify` says. Returns 0, a visitor's answer, or a negative errno. */
static long walk(const struct dirty *dirty, const struct area *area,
                 const struct scan_argument *criteria,
                 enum dirty_run (*classify)(uint64_t categories), bool holes,
                 dirty_visit *visit, void *context, int *answer) {
  struct scan_argument argument = *criteria;
  argument.start = area->start;
  argument.end = area->end;
  while (argument.start < area->end) {
    long count = scan(dirty, &argument);
    if (count < 0)
      return count;
    const struct scan_region *region = dirty->regions;
    for (long i = 0; i < count; i++, region++) {
      enum dirty_run run = classify(region->categories);
      if (run == DIRTY_HOLE && !holes)
        continue;
      *answer = visit(run, region->start, region->end, context);
      if (*answer)
        return 0;
    }
    argument.start = argument.walk_end;
  }
  return 0;
}

/* A zero page or an unchanged page of the file is nothing of the area's own. */
static enum dirty_run classify_written(uint64_t categories) {
  return categories & (PAGE_FILE | PAGE_ZERO) ? DIRTY_HOLE : DIRTY_PAGES;
}

static enum dirty_run classify_hole(uint64_t categories) {
  (void)categories;
  return DIRTY_HOLE;
}

static enum dirty_run classify_dropped(uint64_t categories) {
  return categories & PAGE_FILE ? DIRTY_HOLE : DIRTY_PAGES;
}

static const struct scan_argument written_criteria = {
    .flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC,
    .category_mask = PAGE_WRITTEN,
    .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
    .return_mask = PAGE_WRITTEN | PAGE_FILE | PAGE_ZERO,
};
static const struct scan_argument present_criteria = {
    .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
    .return_mask = PAGE_FILE | PAGE_ZERO,
};
/* Of an anonymous area: whether a page is a file's need not be asked, which
 * costs a look at each. */
static const struct scan_argument written_anonymous = {
    .flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC,
    .category_mask = PAGE_WRITTEN,
    .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
    .return_mask = PAGE_WRITTEN | PAGE_ZERO,
};
/* The one form that the kernel has a short way for (pagemap_scan_pmd_entry() in
 * fs/proc/task_mmu.c). Where there is no page and never was one since it was
 * protected, that counts as written too. */
static const struct scan_argument dense_criteria = {
    .flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC,
    .category_mask = PAGE_WRITTEN,
    .return_mask = PAGE_WRITTEN,
};
static const struct scan_argument in_memory_criteria = {
    .category_mask = PAGE_PRESENT,
    .return_mask = PAGE_PRESENT,
};
static const struct scan_argument hole_criteria = {
    .category_inverted = PAGE_PRESENT | PAGE_SWAPPED,
    .category_mask = PAGE_PRESENT | PAGE_SWAPPED,
    .return_mask = PAGE_PRESENT,
};
/* A dropped page (MADV_DONTNEED) of a file mapping keeps its protection: as a
 * marker, which shows as swapped, or on the file's own page when that has been
 * read since. A marker cannot be told from a page that is swapped out, so both
 * are copied. */
static const struct scan_argument dropped_criteria = {
    .category_anyof = PAGE_FILE | PAGE_SWAPPED,
    .return_mask = PAGE_FILE,
};

static const struct scan_argument *written_of(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS ? &written_anonymous
                                           : &written_criteria;
}

/* Not text, whose pages come and go with the memory there is. */
static bool may_be_dropped(const struct area *area) {
  return area->type == AREA_TYPE_FILE_PRIVATE &&
         (area->protection & PROT_WRITE || !(area->protection & PROT_EXEC));
}

/* Pages of shared memory need not be in this process's page table: others may
 * have written them. */
static int scan_shared(const struct area *area, dirty_visit *visit,
                       void *context) {
  unsigned char resident[1024];
  uint64_t run = 0; /* start of a run of resident pages, 0: none */
  for (uint64_t at = area->start; at < area->end;) {
    uint64_t pages = (area->end - at) / 4096;
    pages = pages < sizeof resident ? pages : sizeof resident;
    if (SYS(mincore, at, pages * 4096, resident) < 0)
      return 0;
    for (uint64_t i = 0; i < pages; i++, at += 4096) {
      if (resident[i] & 1) {
        run = run ? run : at;
        continue;
      }
      int answer = run ? visit(DIRTY_PAGES, run, at, context) : 0;
      if (answer)
        return answer;
      run = 0;
    }
  }
  return run ? visit(DIRTY_PAGES, run, area->end, context) : 0;
}

static int scan_failed(const struct area *area, long result,
                       struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result, "page scan",
                     "area %llx-%llx %s", (unsigned long long)area->start,
                     (unsigned long long)area->end, area->name);
}

/* Takes the protection of [begin, end) away: its pages count as written. */
static long unprotect(const struct dirty *dirty, uint64_t begin, uint64_t end) {
  struct uffd_protect range = {.start = begin, .length = end - begin};
  return SYS(ioctl, dirty->uffd, UFFD_IOCTL_PROTECT, &range);
}

/* EPERM: the area is not ours yet. An area is tracked whole or not at all, so
 * its first page tells; the probe protects nothing. */
static bool is_tracked(const struct dirty *dirty, const struct area *area) {
  struct scan_argument probe = {.flags = SCAN_CHECK_WPASYNC,
                                .start = area->start,
                                .end = area->start + 4096,
                                .category_mask = PAGE_WRITTEN,
                                .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
                                .return_mask = PAGE_WRITTEN};
  return scan(dirty, &probe) >= 0;
}

static bool track(const struct dirty *dirty, const struct area *area) {
  struct uffd_register range = {.start = area->start,
                                .length = area->end - area->start,
                                .mode = UFFD_REGISTER_WP};
  return SYS(ioctl, dirty->uffd, UFFD_IOCTL_REGISTER, &range) == 0;
}

static bool is_owed(const struct dirty *dirty, const struct area *area) {
  if (dirty->owed_all)
    return true;
  for (unsigned i = 0; i < dirty->owed_count; i++)
    if (dirty->owed[i].begin < area->end && dirty->owed[i].end > area->start)
      return true;
  return false;
}

enum tracking { KNOWN, FRESH, UNTRACKED };

/* Sees to it that the area is tracked. With `all`, and when it is new, every
 * page of it counts as written: mremap() drops the tracking of what it moves,
 * and of areas that become one with that, but their pages stay protected. */
static enum tracking prepare(const struct dirty *dirty, const struct area *area,
                             bool all) {
  if (dirty->method != DIRTY_WP)
    return UNTRACKED;
  enum tracking state = is_owed(dirty, area) ? FRESH : KNOWN;
  if (!is_tracked(dirty, area)) {
    if (!track(dirty, area))
      return UNTRACKED;
    state = FRESH;
  }
  if ((all || state == FRESH) && unprotect(dirty, area->start, area->end) < 0)
    return UNTRACKED;
  return state;
}

/* VmSwap in /proc/self/status is not 0. */
static bool look_for_swapped(void) {
  static const char key[] = "VmSwap:";
  char text[4096];
  if (task_read((int)SYS(getpid), "status", text, sizeof text) <= 0)
    return true;
  for (const char *p = text; *p; p++)
    if (memcmp(p, key, sizeof key - 1) == 0) {
      for (p += sizeof key - 1; *p == ' ' || *p == '\t'; p++)
        ;
      return *p != '0';
    }
  return true;
}

/* Whether pages of the process are swapped out. Asked once a scan. */
static bool has_swapped(struct dirty *dirty) {
  if (dirty->swapped == DIRTY_UNKNOWN)
    dirty->swapped = look_for_swapped() ? DIRTY_YES : DIRTY_NO;
  return dirty->swapped == DIRTY_YES;
}

struct dense_visit {
  struct dirty *dirty;
  const struct area *area;
  dirty_visit *visit;
  void *context;
};

#define SHORT_RUN (64 * 4096ull) /* copied though it may be a hole */

/* A written run in dense memory is pages or a hole. A short one is copied as it
 * is: a hole reads as zero. Of a long one the pages in memory are, and the rest
 * is a hole when nothing is swapped out. */
static int visit_dense(enum dirty_run run, uint64_t begin, uint64_t end,
                       void *context) {
  const struct dense_visit *dense = context;
  if (end - begin <= SHORT_RUN || has_swapped(dense->dirty))
    return dense->visit(run, begin, end, dense->context);
  struct scan_region regions[64];
  int answer = dense->visit(DIRTY_HOLE, begin, end, dense->context);
  for (uint64_t at = begin; at < end && answer == 0;) {
    struct scan_argument argument = in_memory_criteria;
    argument.size = sizeof argument;
    argument.start = at;
    argument.end = end;
    argument.regions = (uint64_t)regions;
    argument.region_count = sizeof regions / sizeof *regions;
    long count = SYS(ioctl, dense->dirty->pagemap, SCAN_IOCTL, &argument);
    if (count < 0) /* all of it, then */
      return dense->visit(DIRTY_PAGES, at, end, dense->context);
    for (long i = 0; i < count && answer == 0; i++)
      answer = dense->visit(DIRTY_PAGES, regions[i].start, regions[i].end,
                            dense->context);
    at = argument.walk_end;
  }
  return answer;
}

static enum dirty_run classify_dense(uint64_t categories) {
  (void)categories;
  return DIRTY_PAGES;
}

static long scan_sparse(struct dirty *dirty, const struct area *area,
                        dirty_visit *visit, void *context, int *answer) {
  long result = walk(dirty, area, written_of(area), classify_written, true,
                     visit, context, answer);
  if (result == 0 && *answer == 0)
    result = walk(dirty, area, &hole_criteria, classify_hole, true, visit,
                  context, answer);
  return result;
}

/* The first stretch that ends above address. */
static size_t find_stretch(const struct dirty *dirty, uint64_t address) {
  size_t low = 0, high = dirty->dense_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (dirty->dense[middle].end > address)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* Written pages and holes of an area that was tracked before. */
static long scan_known(struct dirty *dirty, const struct area *area,
                       dirty_visit *visit, void *context, int *answer) {
  struct dense_visit dense = {dirty, area, visit, context};
  struct area part = *area;
  long result = 0;
  size_t i = area->type == AREA_TYPE_ANONYMOUS
                 ? find_stretch(dirty, area->start)
                 : dirty->dense_count;
  for (uint64_t at = area->start; at < area->end && result == 0 && *answer == 0;
       at = part.end) {
    const struct stretch *stretch =
        i < dirty->dense_count && dirty->dense[i].begin < area->end
            ? &dirty->dense[i]
            : 0;
    part.start = at;
    part.end = !stretch                   ? area->end
               : stretch->begin > at      ? stretch->begin
               : stretch->end < area->end ? stretch->end
                                          : area->end;
    if (!stretch || stretch->begin > at) {
      result = scan_sparse(dirty, &part, visit, context, answer);
    } else {
      result = walk(dirty, &part, &dense_criteria, classify_dense, false,
                    visit_dense, &dense, answer);
      i++;
    }
  }
  return result;
}

int dirty_scan(struct dirty *dirty, const struct area *area, bool all,
               dirty_visit *visit, void *context, struct hwckpt_error *error) {
  int answer = 0;
  if (area->type == AREA_TYPE_SHARED_MEMORY) {
    if (!all)
      answer = visit(DIRTY_HOLE, area->start, area->end, context);
    return answer ? answer : scan_shared(area, visit, context);
  }
  enum tracking state = prepare(dirty, area, all);
  if (state != KNOWN && !all) {
    answer = visit(DIRTY_HOLE, area->start, area->end, context);
    if (answer)
      return answer;
  }
  long result;
  if (state == KNOWN && !all) {
    result = scan_known(dirty, area, visit, context, &answer);
    if (result == 0 && answer == 0 && may_be_dropped(area))
      result = walk(dirty, area, &dropped_criteria, classify_dropped, true,
                    visit, context, &answer);
  } else {
    const struct scan_argument *criteria =
        state == UNTRACKED ? &present_criteria : written_of(area);
    result = walk(dirty, area, criteria, classify_written, false, visit,
                  context, &answer);
  }
  return result < 0 ? scan_failed(area, result, error) : answer;
}

/* ---- for a rollback ---- */

/* Pages that lost what they held, or were dropped. */
static long walk_lost(const struct dirty *dirty, const struct area *area,
                      dirty_visit *visit, void *context, int *answer) {
  long result = walk(dirty, area, &hole_criteria, classify_hole, true, visit,
                     context, answer);
  if (result == 0 && *answer == 0 && may_be_dropped(area))
    result = walk(dirty, area, &dropped_criteria, classify_dropped, true, visit,
                  context, answer);
  return result;
}

int dirty_list(const struct dirty *dirty, const struct area *area,
               dirty_visit *visit, void *context, struct hwckpt_error *error) {
  if (dirty->method != DIRTY_WP || is_owed(dirty, area) ||
      !is_tracked(dirty, area))
    return visit(DIRTY_PAGES, area->start, area->end, context);
  int answer = 0;
  struct scan_argument written = *written_of(area);
  written.flags &= ~SCAN_WP_MATCHING;
  long result = walk(dirty, area, &written, classify_written, true, visit,
                     context, &answer);
  if (result == 0 && answer == 0)
    result = walk_lost(dirty, area, visit, context, &answer);
  return result < 0 ? scan_failed(area, result, error) : answer;
}

static int visit_none(enum dirty_run run, uint64_t begin, uint64_t end,
                      void *context) {
  (void)run, (void)begin, (void)end, (void)context;
  return 0;
}

int dirty_clean(const struct dirty *dirty, const struct area *area,
                struct hwckpt_error *error) {
  int answer = 0;
  if (dirty->method != DIRTY_WP ||
      (!is_tracked(dirty, area) && !track(dirty, area)))
    return 0;
  long result = walk(dirty, area, written_of(area), classify_hole, false,
                     visit_none, 0, &answer);
  return result < 0 ? scan_failed(area, result, error) : 0;
}

/* ---- while the program runs ---- */

static void owe(struct dirty *dirty, uint64_t begin, uint64_t end) {
  if (dirty->owed_count == DIRTY_OWED) {
    dirty->owed_all = true;
    return;
  }
  dirty->owed[dirty->owed_count].begin = begin;
  dirty->owed[dirty->owed_count++].end = end;
}

void dirty_settled(struct dirty *dirty) {
  dirty->owed_count = 0;
  dirty->owed_all = false;
  dirty->swapped = DIRTY_UNKNOWN;
}

static bool can_sweep(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS ||
         area->type == AREA_TYPE_FILE_PRIVATE;
}

bool dirty_is_new(const struct dirty *dirty, const struct area *area) {
  return dirty->method == DIRTY_WP && can_sweep(area) &&
         !is_tracked(dirty, area);
}

bool dirty_track(struct dirty *dirty, const struct area *area) {
  if (!dirty_is_new(dirty, area))
    return false;
  enum tracking state = prepare(dirty, area, false);
  if (state == UNTRACKED)
    owe(dirty, area->start, area->end);
  return state == FRESH;
}

bool dirty_sweep_begin(struct dirty *dirty, const struct area *area, bool all) {
  if (!can_sweep(area) || is_owed(dirty, area) || !is_tracked(dirty, area))
    return false;
  /* What cannot be read is copied while the program stands still. */
  bool readable = area->protection & PROT_READ;
  if (!all)
    return readable;
  if (readable && unprotect(dirty, area->start, area->end) == 0)
    return true;
  owe(dirty, area->start, area->end);
  return false;
}

/* How much is scanned at once: so much is owed when it fails. */
#define SWEEP_BYTES (16ull << 20)

uint64_t dirty_sweep(struct dirty *dirty, const struct area *area, uint64_t at,
                     uint32_t most, dirty_visit *visit, void *context) {
  struct scan_argument argument = *written_of(area);
  argument.start = at;
  argument.end = area->end - at < SWEEP_BYTES ? area->end : at + SWEEP_BYTES;
  argument.max_pages = most;
  long count = scan(dirty, &argument);
  if (count < 0) {
    owe(dirty, at, argument.end);
    return argument.end;
  }
  const struct scan_region *region = dirty->regions;
  for (long i = 0; i < count; i++, region++)
    visit(classify_written(region->categories), region->start, region->end,
          context);
  return argument.walk_end;
}

/* ---- where memory is dense ---- */

#define SURVEYED (1ull << 20) /* smaller areas are scanned soon enough */

void dirty_survey_begin(struct dirty *dirty) { dirty->dense_count = 0; }

static void add_stretch(struct dirty *dirty, uint64_t begin, uint64_t end) {
  if (begin < end && dirty->dense_count < STRETCHES)
    dirty->dense[dirty->dense_count++] = (struct stretch){begin, end};
}

/* Cuts what has no page table at all out of the area. */
static void find_dense(struct dirty *dirty, const struct area *area) {
  uint64_t begin = area->start; /* of the stretch that has not ended yet */
  struct scan_argument argument = hole_criteria;
  argument.start = area->start;
  argument.end = area->end;
  while (argument.start < area->end) {
    long count = scan(dirty, &argument);
    if (count < 0)
      return;
    const struct scan_region *region = dirty->regions;
    for (long i = 0; i < count; i++, region++) {
      uint64_t from = (region->start + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
      uint64_t to = region->end & ~(HUGE_BYTES - 1);
      if (from >= to)
        continue;
      add_stretch(dirty, begin, from);
      begin = to;
    }
    argument.start = argument.walk_end;
  }
  add_stretch(dirty, begin, area->end);
}

void dirty_survey(struct dirty *dirty, const struct area *area,
                  dirty_visit *visit, void *context) {
  if (area->type != AREA_TYPE_ANONYMOUS || !(area->protection & PROT_READ) ||
      area->end - area->start < SURVEYED || is_owed(dirty, area) ||
      !is_tracked(dirty, area))
    return;
  size_t first = dirty->dense_count;
  find_dense(dirty, area);
  /* The holes that are left are protected, each in one step with being told:
   * what is written there later shows. */
  struct scan_argument argument = hole_criteria;
  argument.flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC;
  for (size_t i = first; i < dirty->dense_count; i++) {
    int answer = 0;
    struct area part = *area;
    part.start = dirty->dense[i].begin;
    part.end = dirty->dense[i].end;
    if (walk(dirty, &part, &argument, classify_hole, true, visit, context,
             &answer) < 0)
      owe(dirty, part.start, part.end);
  }
}

void dirty_missed(struct dirty *dirty, uint64_t begin, uint64_t end) {
  /* What is not there any more, or not tracked, is seen to be new. */
  unprotect(dirty, begin, end);
}

/* Writes to each page what is there, so that it becomes the mapping's own. */
static void write_back(uint64_t begin, uint64_t end) {
  long memory = SYS(openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
  if (memory < 0)
    return;
  for (uint64_t at = begin; at < end; at += 4096) {
    char byte;
    if (SYS(pread64, memory, &byte, 1, at) == 1)
      SYS(pwrite64, memory, &byte, 1, at);
  }
  SYS(close, memory);
}

void dirty_touch(const struct dirty *dirty, const struct area *area,
                 uint64_t begin, uint64_t end) {
  if (area->type == AREA_TYPE_FILE_PRIVATE) {
    write_back(begin, end);
  } else if (area->type == AREA_TYPE_ANONYMOUS && dirty->method == DIRTY_WP) {
    /* Fails where the area is not tracked yet; it is new to the next scan. */
    unprotect(dirty, begin, end);
  }
}
