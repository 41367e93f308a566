/* drain.c - see drain.h. */
#include "drain.h"

#include "../arch/sys.h"
#include "live.h"
#include "quiesce.h"

#include <string.h>
#include <time.h>

/* Slots taken at once: those of a frame, so that what is taken is released
 * while it is still coded in small steps. */
#define TAKE 64u

/* Fewer say little of what a page takes. */
#define ENOUGH 256u

static LIVE struct {
  struct ring *ring;
  struct cache_writer *writer;
  int result; /* of the first call that failed, with its error */
  struct hwckpt_error error;
  uint64_t put_ns, put_pages; /* since the begin */
  uint64_t page_ns;           /* for a page, before that */
  uint64_t cpu_ns, cpu_begin; /* processor time, up to now and at the begin */
} drain;

static uint64_t address_of(uint64_t slot) {
  return slot & ~(uint64_t)(CACHE_PAGE_SIZE - 1);
}

static int put_ranges(uint64_t position, uint64_t slot) {
  const struct ring_range *range = ring_slot_page(drain.ring, position);
  int result = 0;
  for (uint64_t i = 0; i < slot >> 12 && result == 0; i++)
    result = cache_put_absent(drain.writer, range[i].begin, range[i].length,
                              &drain.error);
  return result;
}

/* Puts the slots from position on that go on in address; *count is set to how
 * many those are. */
static int put_run(uint64_t position, uint32_t *count) {
  uint64_t slot = ring_slot(drain.ring, position);
  uint32_t run = 1, most = *count;
  *count = 1;
  if (slot & RING_REPLACED)
    return 0;
  if (slot & RING_RANGES)
    return put_ranges(position, slot);
  while (run < most && ring_slot(drain.ring, position + run) ==
                           slot + (uint64_t)run * CACHE_PAGE_SIZE)
    run++;
  *count = run;
  const void *pages = ring_slot_page(drain.ring, position);
  if (slot & RING_KEEP_ZERO)
    return cache_put_all_pages(drain.writer, address_of(slot), pages, run,
                               &drain.error);
  return cache_put_pages(drain.writer, address_of(slot), pages, run,
                         &drain.error);
}

static void put_slots(uint64_t position, uint32_t count) {
  for (uint32_t done = 0, run; done < count && drain.result == 0; done += run) {
    run = count - done;
    drain.result = put_run(position + done, &run);
  }
  if (drain.result < 0)
    atomic_store(&drain.ring->state->failed, 1);
}

static void serve(void *unused) {
  (void)unused;
  for (;;) {
    uint64_t first;
    uint32_t count = ring_take(drain.ring, TAKE, &first);
    uint64_t begin = quiesce_now_ns();
    put_slots(first, count);
    drain.put_ns += quiesce_now_ns() - begin;
    drain.put_pages += count;
    struct timespec now = {0};
    SYS(clock_gettime, CLOCK_THREAD_CPUTIME_ID, &now);
    drain.cpu_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    ring_release(drain.ring, count);
  }
}

int drain_open(struct ring *ring, struct hwckpt_error *error) {
  drain.ring = ring;
  return quiesce_spawn_companion(serve, 0, "hwckpt-drain", error);
}

void drain_begin(struct cache_writer *writer) {
  drain.writer = writer;
  drain.result = 0;
  drain.cpu_begin = drain.cpu_ns;
  if (drain.put_pages >= ENOUGH)
    drain.page_ns = drain.put_ns / drain.put_pages;
  drain.put_ns = drain.put_pages = 0;
  ring_begin(drain.ring);
}

bool drain_failed(void) { return atomic_load(&drain.ring->state->failed); }

int drain_finish(struct hwckpt_error *error) {
  ring_wait_empty(drain.ring);
  ring_give_back(drain.ring);
  if (drain.result < 0 && error)
    *error = drain.error;
  return drain.result;
}

uint64_t drain_cpu_ns(void) { return drain.cpu_ns - drain.cpu_begin; }

uint64_t drain_page_ns(void) { return drain.page_ns; }

void drain_forget(void) { memset(&drain, 0, sizeof drain); }
