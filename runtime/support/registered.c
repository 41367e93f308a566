/* registered.c - see registered.h: finding and saving. What comes back is in
 * registered_back.c. */
#include "registered.h"

#include "../arch/sys.h"
#include "../resources/info.h"
#include "private.h"
#include "record_types.h"

#include "records.pb.h"

#include <errno.h>
#include <sys/uio.h>

#define AREAS 16384u
/* Until a stop has seen a userfaultfd, and then. */
#define RUNS_FIRST ((size_t)1 << 16)
#define RUNS_MOST ((size_t)1 << 20)
#define RUNS_A_RECORD 4096u
#define PAGE UINT64_C(4096)
#define UFFD_WP_UNPOPULATED (1u << 13)
#define REGISTERED_MINOR 4u

int registered_open(struct registered *registered, struct hwckpt_error *error) {
  registered->area_count = registered->run_count = 0;
  registered->areas = private_map(AREAS * sizeof *registered->areas);
  registered->runs = private_map(RUNS_FIRST * sizeof *registered->runs);
  registered->run_room = RUNS_FIRST;
  registered->descriptor = -1;
  if (registered->areas && registered->runs)
    return 0;
  private_unmap(registered->areas, AREAS * sizeof *registered->areas);
  private_unmap(registered->runs, RUNS_FIRST * sizeof *registered->runs);
  return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM,
                     "memory of a userfaultfd", "");
}

void registered_prepare(struct registered *registered) {
  if (registered->descriptor < 0 || registered->run_room == RUNS_MOST)
    return;
  void *more = private_map(RUNS_MOST * sizeof *registered->runs);
  if (!more)
    return;
  private_unmap(registered->runs,
                registered->run_room * sizeof *registered->runs);
  registered->runs = more;
  registered->run_room = RUNS_MOST;
}

struct finding {
  struct registered *registered;
  const struct dirty *dirty;
  const struct memory_map *map;
  uint32_t features;
};

/* ---- areas ---- */

static uint32_t modes_of(const char *flags) {
  uint32_t modes = 0;
  for (const char *p = flags; *p; p++)
    modes |= info_begins(p, " um")   ? REGISTERED_MISSING
             : info_begins(p, " uw") ? REGISTERED_WP
             : info_begins(p, " ui") ? REGISTERED_MINOR
                                     : 0;
  return modes;
}

static const char *why_not(const struct finding *finding,
                           const struct area *area, uint32_t modes) {
  return area->type != AREA_TYPE_ANONYMOUS || area->huge_page
             ? "memory that is shared, of a file or of huge pages"
         : modes & REGISTERED_MINOR ? "minor faults"
         : modes == (REGISTERED_MISSING | REGISTERED_WP) &&
                 finding->features & UFFD_WP_UNPOPULATED
             ? "missing pages that are write-protected (WP_UNPOPULATED)"
         : finding->registered->area_count == AREAS
             ? "more mappings than 65,536"
             : 0;
}

/* Why it cannot come back, null: it can. */
static const char *add_area(const struct finding *finding, uint64_t start,
                            uint32_t modes) {
  struct registered *registered = finding->registered;
  const struct area *area = memory_map_at(finding->map, start);
  /* Not in the map: the runtime's. */
  if (!modes || !area || dirty_knows(finding->dirty, area))
    return 0;
  const char *reason = why_not(finding, area, modes);
  if (!reason)
    registered->areas[registered->area_count++] =
        (struct registered_area){area->start, area->end, modes};
  return reason;
}

static const char *find_areas(const struct finding *finding) {
  struct info info;
  uint64_t start = 0, value;
  const char *reason = 0;
  if (info_open_path(&info, "/proc/thread-self/smaps") < 0)
    return "what it is registered for is not told";
  for (const char *line; !reason && (line = info_line(&info));)
    if (info_begins(line, "VmFlags:"))
      reason = add_area(finding, start, modes_of(line));
    else if ((*line < 'A' || *line > 'Z') && info_number(line, "", 16, &value))
      start = value;
  info_close(&info);
  return reason;
}

/* ---- pages ---- */

/* Poisoned pages (UFFDIO_POISON) show as swapped out; the read fails there, and
 * waits for nobody, as the page is not missing. */
static bool can_be_read(uint64_t begin, uint64_t end) {
  char byte;
  struct iovec to = {&byte, 1};
  for (; begin < end; begin += PAGE) {
    struct iovec from = {(void *)begin, 1};
    if (SYS(process_vm_readv, SYS(gettid), &to, 1, &from, 1, 0) != 1)
      return false;
  }
  return true;
}

static const char *add_run(const struct finding *finding, uint32_t modes,
                           const struct page_region *region) {
  struct registered *registered = finding->registered;
  bool marker = finding->features & UFFD_WP_UNPOPULATED &&
                !(region->categories & PAGE_PRESENT);
  uint64_t state =
      (marker ? 0 : REGISTERED_THERE) |
      (modes & REGISTERED_WP && !(region->categories & PAGE_WRITTEN)
           ? REGISTERED_PROTECTED
           : 0);
  if (region->categories & PAGE_GUARD)
    return 0;
  if (!(region->categories & PAGE_PRESENT) &&
      !can_be_read(region->start, region->end))
    return "poisoned pages";
  if (registered->run_count == registered->run_room)
    return "memory in more pieces than 65,536, or 1,048,576 the next time";
  registered->runs[registered->run_count++] =
      (struct registered_run){region->start, region->end | state};
  return 0;
}

static const char *find_pages(const struct finding *finding,
                              const struct registered_area *area) {
  const struct page_scanner *scanner = &finding->dirty->scanner;
  struct page_scan scan = {
      .start = area->start,
      .end = area->end,
      .category_anyof = PAGE_PRESENT | PAGE_SWAPPED,
      .return_mask = PAGE_PRESENT | PAGE_SWAPPED | PAGE_WRITTEN,
  };
  const char *reason = 0;
  while (!reason && scan.start < area->end) {
    long count = page_scan(scanner, &scan);
    if (count < 0)
      return "the kernel does not tell its pages (before Linux 6.7)";
    for (long i = 0; !reason && i < count; i++)
      reason = add_run(finding, area->modes, &scanner->regions[i]);
    scan.start = scan.walk_end;
  }
  return reason;
}

int registered_find(struct registered *registered, struct resource_sink *sink,
                    const struct dirty *dirty, const struct memory_map *map,
                    struct hwckpt_error *error) {
  struct finding finding = {registered, dirty, map, sink->fault_features};
  registered->area_count = registered->run_count = 0;
  registered->descriptor = sink->faults;
  if (sink->faults < 0)
    return 0;
  const char *reason = dirty->method == DIRTY_PROTECT ? "with track=mprotect"
                                                      : find_areas(&finding);
  for (size_t i = 0; !reason && i < registered->area_count; i++)
    reason = find_pages(&finding, &registered->areas[i]);
  if (!reason)
    return 0;
  registered->area_count = registered->run_count = 0;
  return resource_unsupported(sink, error, "anon_inode:[userfaultfd]",
                              "descriptor %d: %s", (int)sink->faults, reason);
}

int registered_put(const struct registered *registered, struct stage *stage,
                   struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < registered->area_count && result == 0; i++) {
    const struct registered_area *area = &registered->areas[i];
    UserFaultArea message = {.start = area->start,
                             .end = area->end,
                             .modes = area->modes,
                             .descriptor = registered->descriptor};
    result = stage_message(stage, RECORD_USER_FAULT_AREA, UserFaultArea_fields,
                           &message, error);
  }
  for (size_t i = 0, some; i < registered->run_count && result == 0;
       i += some) {
    some = registered->run_count - i;
    some = some < RUNS_A_RECORD ? some : RUNS_A_RECORD;
    result = stage_record(stage, RECORD_USER_FAULT_PAGES, &registered->runs[i],
                          some * sizeof *registered->runs, error);
  }
  return result;
}
