/* runs.c - see runs.h. */
#include "runs.h"

#include "../arch/sys.h"
#include "private.h"

#include <sys/mman.h>

#define RUNS_ROOM 131072u
#define RUNS_TOUCHED ((size_t)64 << 10) /* bytes that take no fault */

int runs_open(struct runs *runs, struct hwckpt_error *error) {
  runs->room = RUNS_ROOM;
  runs->list = private_map(RUNS_ROOM * sizeof *runs->list);
  if (!runs->list)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 12, "page scan",
                       "%u runs", RUNS_ROOM);
  SYS(madvise, runs->list, RUNS_TOUCHED, MADV_POPULATE_WRITE);
  runs_clear(runs);
  return 0;
}

bool runs_add(struct runs *runs, uint32_t area, enum dirty_run kind,
              uint64_t begin, uint64_t end) {
  struct run *last = runs->list + runs->count - 1;
  if (runs->count && last->end == begin && last->area == area &&
      last->kind == kind) {
    last->end = end;
  } else {
    if (runs->count == runs->room)
      return false;
    runs->list[runs->count++] = (struct run){begin, end, area, kind};
  }
  if (kind == DIRTY_PAGES)
    runs->pages += (end - begin) / 4096;
  return true;
}

void runs_clear(struct runs *runs) { runs->count = runs->pages = 0; }
