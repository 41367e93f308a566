/* track.c - from here on what is written to the program's memory is tracked, so
 * that its first checkpoint holds that and no more.
 *
 * Invariant: that begins before any code of the program runs, the resume code's
 * too, and a page that does not count as written is as the generation has it.
 */
#include "restorer.h"

#include "../../runtime/arch/sys.h"
#include "../../runtime/support/page_scan.h"
#include "../../runtime/support/resume_abi.h"
#include "../../runtime/support/write_protect.h"

#include <fcntl.h>

static struct {
  struct page_scanner scanner;
  int uffd;
  struct cache_range gate; /* the loader's, empty: there is none */
} tracking;

static int visit_none(enum dirty_run run, uint64_t begin, uint64_t end,
                      void *context) {
  (void)run, (void)begin, (void)end, (void)context;
  return 0;
}

/* From now on its pages do not count as written. */
static void protect(bool anonymous, struct cache_range range) {
  int answer = 0;
  page_scan_each(&tracking.scanner,
                 anonymous ? &page_scan_written_anonymous : &page_scan_written,
                 range.begin, range.end, page_scan_is_hole, false, visit_none,
                 NULL, &answer);
}

/* An area that cannot be tracked is new to the first checkpoint; pages that are
 * not protected count as written. */
static void track_range(bool anonymous, struct cache_range range) {
  if (range.begin < range.end &&
      write_protect_register(tracking.uffd, range.begin, range.end))
    protect(anonymous, range);
}

/* The gate lies in one area, and is not ours. */
static void track(const Area *area, void *context) {
  (void)context;
  bool anonymous = area->kind == AreaKind_AREA_ANONYMOUS;
  struct cache_range gate = tracking.gate;
  if (!anonymous && area->kind != AreaKind_AREA_FILE_PRIVATE)
    return;
  if (lazy_has(area)) {
    protect(true, (struct cache_range){area->start, area->end});
    return;
  }
  if (gate.begin < area->start || gate.end > area->end)
    gate.begin = gate.end = area->end;
  track_range(anonymous, (struct cache_range){area->start, gate.begin});
  track_range(anonymous, (struct cache_range){gate.end, area->end});
}

void track_memory(const struct cache_reader *reader, bool lazily) {
  if (restorer.process.resume_abi < RESUME_ABI_TRACKED)
    return;
  tracking.scanner.regions =
      arena_map(PAGE_SCANNER_REGIONS * sizeof *tracking.scanner.regions);
  tracking.scanner.pagemap =
      (int)SYS(openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
  tracking.uffd = write_protect_open();
  if (!tracking.scanner.regions || tracking.scanner.pagemap < 0 ||
      tracking.uffd < 0)
    return; /* descriptors are closed before the program begins */
  uint64_t gate = restorer.process.gate;
  if (lazily)
    tracking.gate = (struct cache_range){gate, gate + RESTORE_GATE_SIZE};
  each_area(reader, track, NULL);
  SYS(close, tracking.scanner.pagemap);
  give(RESTORE_TRACKED, tracking.uffd);
}
