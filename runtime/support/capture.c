/* capture.c - see capture.h. */
#include "capture.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "exclude.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define PAGE ((uint64_t)CACHE_PAGE_SIZE)

int capture_open(struct capture *capture, struct ring *ring,
                 struct dirty *dirty, struct hwckpt_error *error) {
  capture->ring = ring;
  capture->dirty = dirty;
  if (capture_reopen(capture) < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, -capture->memory,
                       "/proc/self/mem", "open");
  return 0;
}

int capture_reopen(struct capture *capture) {
  capture->memory = (int)SYS(openat, AT_FDCWD, "/proc/thread-self/mem",
                             O_RDONLY | O_CLOEXEC, 0);
  return capture->memory < 0 ? capture->memory : 0;
}

static uint32_t slot_bits(const struct capture *capture) {
  return capture->area->type == AREA_TYPE_FILE_PRIVATE ? RING_KEEP_ZERO : 0;
}

/* ---- while the program runs ---- */

/* Copies pages [begin, end) to where the next ones go: how many could be. */
static uint32_t read_live(const struct capture *capture, uint64_t begin,
                          uint64_t end) {
  struct iovec to = {ring_page(capture->ring, 0), end - begin};
  struct iovec from = {(void *)begin, end - begin};
  long got = SYS(process_vm_readv, SYS(gettid), &to, 1, &from, 1, 0);
  return got < 0 ? 0 : (uint32_t)((uint64_t)got / PAGE);
}

static void copy_live(struct capture *capture, uint64_t begin, uint64_t end) {
  while (begin < end) {
    uint64_t run = ring_run(capture->ring) * PAGE;
    uint64_t stop = end - begin < run ? end : begin + run;
    uint32_t count = read_live(capture, begin, stop);
    for (uint32_t i = 0; i < count; i++, begin += PAGE)
      ring_fill(capture->ring, begin, slot_bits(capture));
    capture->pages += count;
    if (begin < stop) {
      dirty_missed(capture->dirty, begin, begin + PAGE);
      begin += PAGE;
    }
  }
}

/* ---- while it stands still ---- */

static int copy_stopped(struct capture *capture, uint64_t begin, uint64_t end) {
  bool readable = capture->area->protection & PROT_READ;
  for (; begin < end; begin += PAGE) {
    ring_wait_room(capture->ring, 1);
    void *to = ring_page(capture->ring, 0);
    if (readable) {
      arch_copy_page(to, (const void *)begin);
    } else {
      long got = SYS(pread64, capture->memory, to, PAGE, begin);
      if (got != (long)PAGE)
        return hwckpt_fail(capture->error, HWCKPT_E_CAPTURE,
                           got < 0 ? (int)-got : 0, "/proc/self/mem",
                           "page at %llx", (unsigned long long)begin);
    }
    ring_fill(capture->ring, begin, slot_bits(capture));
    capture->pages++;
  }
  return 0;
}

/* ---- either ---- */

static int copy(struct capture *capture, uint64_t begin, uint64_t end) {
  if (!capture->live)
    return copy_stopped(capture, begin, end);
  copy_live(capture, begin, end);
  return 0;
}

static void fill_range(struct capture *capture, uint64_t begin, uint64_t end) {
  if (!capture->live)
    ring_wait_room(capture->ring, 1);
  ring_fill_range(capture->ring, begin, end - begin);
}

/* A page that is zero in the checkpoint whatever it holds. */
static void fill_zero(struct capture *capture, uint64_t page) {
  if (!capture->live)
    ring_wait_room(capture->ring, 1);
  memset(ring_page(capture->ring, 0), 0, PAGE);
  ring_fill(capture->ring, page, RING_KEEP_ZERO);
  capture->pages++;
}

/* Pages of which nothing is stored. */
static void leave_out(struct capture *capture, uint64_t begin, uint64_t end) {
  if (capture->area->type != AREA_TYPE_FILE_PRIVATE) {
    fill_range(capture, begin, end);
    return;
  }
  for (; begin < end; begin += PAGE)
    fill_zero(capture, begin);
}

/* A page of which a part is stored: nothing is published before the rest is
 * cleared. */
static int copy_part(struct capture *capture, uint64_t page) {
  uint64_t before = capture->ring->filled;
  int result = copy(capture, page, page + PAGE);
  if (result < 0 || capture->ring->filled == before)
    return result;
  char *copied = ring_last_page(capture->ring);
  uint64_t at = page, from, to;
  while (exclude_in(at, page + PAGE, &from, &to)) {
    memset(copied + (from - page), 0, to - from);
    at = to;
  }
  return 0;
}

static int copy_pages(struct capture *capture, uint64_t begin, uint64_t end) {
  uint64_t from, to;
  int result = 0;
  while (result == 0 && begin < end && exclude_in(begin, end, &from, &to)) {
    uint64_t page = from & ~(PAGE - 1);
    if (page > begin)
      result = copy(capture, begin, page);
    begin = page;
    if (result < 0)
      break;
    to &= ~(PAGE - 1);
    if (from == page && to > page) {
      leave_out(capture, page, to);
      begin = to;
    } else {
      result = copy_part(capture, page);
      begin += PAGE;
    }
  }
  return result == 0 && begin < end ? copy(capture, begin, end) : result;
}

int capture_visit(enum dirty_run run, uint64_t begin, uint64_t end,
                  void *context) {
  struct capture *capture = context;
  if (run == DIRTY_HOLE) {
    fill_range(capture, begin, end);
    return 0;
  }
  int result = 0;
  uint64_t from, to;
  while (result == 0 &&
         unused_in(&capture->unused, capture->area, begin, end, &from, &to)) {
    result = copy_pages(capture, begin, from);
    if (result == 0)
      fill_range(capture, from, to);
    begin = to;
  }
  return result == 0 ? copy_pages(capture, begin, end) : result;
}

int capture_runs(struct capture *capture, const struct memory_map *map,
                 const struct runs *runs) {
  int result = 0;
  for (size_t i = 0; i < runs->count && result == 0; i++) {
    const struct run *run = &runs->list[i];
    capture->area = &map->areas[run->area];
    result =
        capture_visit((enum dirty_run)run->kind, run->begin, run->end, capture);
  }
  return result;
}
