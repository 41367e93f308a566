/* ring.c - see ring.h. */
#include "ring.h"

#include "../arch/sys.h"
#include "private.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>

#define STATE_BYTES 4096u
#define LEAST 1024u /* slots, of which half would be too few */

/* The bytes before the pages: state and slots. */
static size_t head_bytes(const struct ring *ring) {
  return STATE_BYTES +
         ((ring->most * sizeof *ring->slots + 4095) & ~(size_t)4095);
}

static size_t shared_bytes(const struct ring *ring) {
  return head_bytes(ring) + (size_t)ring->most * CACHE_PAGE_SIZE;
}

int ring_open(struct ring *ring, size_t bytes, struct hwckpt_error *error) {
  memset(ring, 0, sizeof *ring);
  ring->most = ring->capacity = (uint32_t)(bytes / CACHE_PAGE_SIZE);
  uint32_t entries = 2;
  while (entries < ring->most * 2)
    entries *= 2;
  ring->recent_mask = entries - 1;
  char *shared = private_map_shared(shared_bytes(ring));
  ring->recent = private_map(entries * sizeof *ring->recent);
  if (!shared || !ring->recent) {
    private_unmap(shared, shared_bytes(ring));
    private_unmap(ring->recent, entries * sizeof *ring->recent);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 12, "ring",
                       "%zu bytes for captured pages", bytes);
  }
  ring->state = (void *)shared;
  ring->slots = (void *)(shared + STATE_BYTES);
  ring->pages = shared + head_bytes(ring);
  return 0;
}

/* Not private: the other side may be in another process. */
static void wait_change(_Atomic uint64_t *position, uint64_t value) {
  SYS(futex, position, FUTEX_WAIT, (uint32_t)value, 0, 0, 0);
}

static void wake(_Atomic uint64_t *position) {
  SYS(futex, position, FUTEX_WAKE, 0x7fffffff, 0, 0, 0);
}

static uint32_t at(const struct ring *ring, uint64_t position) {
  return (uint32_t)(position % ring->capacity);
}

/* ---- the side that puts ---- */

/* Of an empty one, from the beginning of the memory, so that small captures
 * touch little. */
static void use(struct ring *ring, uint32_t slots) {
  uint64_t begin = (ring->filled + slots - 1) / slots * slots;
  ring->capacity = slots;
  ring->filled = begin;
  ring->ranges_open = false;
  atomic_store(&ring->state->released, begin);
  atomic_store(&ring->state->published, begin);
}

/* While the program runs. */
static uint32_t narrow(const struct ring *ring) {
  return ring->most < LEAST ? ring->most : ring->most / 2;
}

void ring_begin(struct ring *ring) {
  atomic_store(&ring->state->failed, 0);
  use(ring, narrow(ring));
}

void ring_widen(struct ring *ring) {
  ring_wait_empty(ring);
  if (ring->capacity < ring->most)
    use(ring, ring->most);
}

uint32_t ring_room(const struct ring *ring) {
  return ring->capacity -
         (uint32_t)(ring->filled - atomic_load(&ring->state->released));
}

void ring_wait_room(struct ring *ring, uint32_t slots) {
  if (ring_room(ring) >= slots)
    return;
  ring_publish(ring);
  for (;;) {
    uint64_t released = atomic_load(&ring->state->released);
    if (ring->capacity - (uint32_t)(ring->filled - released) >= slots)
      return;
    wait_change(&ring->state->released, released);
  }
}

void ring_wait_empty(struct ring *ring) {
  ring_publish(ring);
  for (;;) {
    uint64_t released = atomic_load(&ring->state->released);
    if (released == ring->filled)
      return;
    wait_change(&ring->state->released, released);
  }
}

void ring_touch(struct ring *ring, uint32_t slots) {
  uint32_t wanted = at(ring, ring->filled) + slots;
  if (wanted > ring->capacity)
    wanted = ring->capacity;
  if (wanted <= ring->touched)
    return;
  /* Kernels before 5.14 do without. */
  SYS(madvise, ring->pages + (size_t)ring->touched * CACHE_PAGE_SIZE,
      (size_t)(wanted - ring->touched) * CACHE_PAGE_SIZE, MADV_POPULATE_WRITE);
  ring->touched = wanted;
}

void ring_give_back(struct ring *ring) {
  uint32_t kept = narrow(ring);
  if (ring->capacity == kept)
    return;
  SYS(madvise, ring->pages + (size_t)kept * CACHE_PAGE_SIZE,
      (size_t)(ring->most - kept) * CACHE_PAGE_SIZE, MADV_REMOVE);
  if (ring->touched > kept)
    ring->touched = kept;
}

void *ring_page(const struct ring *ring, uint32_t i) {
  return ring->pages + (size_t)at(ring, ring->filled + i) * CACHE_PAGE_SIZE;
}

void *ring_last_page(const struct ring *ring) {
  return ring->pages + (size_t)at(ring, ring->filled - 1) * CACHE_PAGE_SIZE;
}

uint32_t ring_run(const struct ring *ring) {
  return ring->capacity - at(ring, ring->filled);
}

/* The place in `recent` of an address: an older one there is forgotten, which
 * costs a page stored twice. */
static uint32_t *recent_of(const struct ring *ring, uint64_t address) {
  uint64_t hash = address / CACHE_PAGE_SIZE * 0x9e3779b97f4a7c15ull;
  return &ring->recent[(hash >> 32) & ring->recent_mask];
}

/* A page of the same address that nobody took yet need not be written. */
static void replace(struct ring *ring, uint64_t address) {
  uint32_t *recent = recent_of(ring, address);
  uint64_t released = atomic_load(&ring->state->released);
  /* How far back the older one is, modulo 2^32; slots are fewer. */
  uint32_t back = (uint32_t)ring->filled - (*recent - 1);
  *recent = (uint32_t)ring->filled + 1;
  if (back > ring->filled - released)
    return;
  _Atomic uint64_t *slot = &ring->slots[at(ring, ring->filled - back)];
  uint64_t held = atomic_load(slot);
  if ((held & ~(uint64_t)(CACHE_PAGE_SIZE - 1)) == address &&
      !(held & (RING_RANGES | RING_TAKEN | RING_REPLACED)))
    atomic_compare_exchange_strong(slot, &held, held | RING_REPLACED);
}

void ring_fill(struct ring *ring, uint64_t address, uint32_t bits) {
  replace(ring, address);
  atomic_store_explicit(&ring->slots[at(ring, ring->filled)], address | bits,
                        memory_order_relaxed);
  ring->filled++;
  ring->ranges_open = false;
}

void ring_fill_range(struct ring *ring, uint64_t begin, uint64_t length) {
  uint64_t last = ring->filled - 1;
  if (ring->ranges_open) {
    _Atomic uint64_t *slot = &ring->slots[at(ring, last)];
    uint64_t count = atomic_load(slot) >> 12;
    struct ring_range *ranges =
        (void *)(ring->pages + (size_t)at(ring, last) * CACHE_PAGE_SIZE);
    if (ranges[count - 1].begin + ranges[count - 1].length == begin) {
      ranges[count - 1].length += length;
      return;
    }
    if (count < RING_RANGES_MAX) {
      ranges[count] = (struct ring_range){begin, length};
      atomic_store(slot, (count + 1) << 12 | RING_RANGES);
      return;
    }
  }
  *(struct ring_range *)ring_page(ring, 0) = (struct ring_range){begin, length};
  atomic_store(&ring->slots[at(ring, ring->filled)], 1u << 12 | RING_RANGES);
  ring->filled++;
  ring->ranges_open = true;
}

void ring_publish(struct ring *ring) {
  ring->ranges_open = false;
  if (atomic_load(&ring->state->published) == ring->filled)
    return;
  atomic_store(&ring->state->published, ring->filled);
  wake(&ring->state->published);
}

void ring_adopt(struct ring *ring) {
  ring->ranges_open = false;
  ring->filled = atomic_load(&ring->state->published);
}

/* ---- the side that takes ---- */

uint32_t ring_take(struct ring *ring, uint32_t most, uint64_t *first) {
  uint64_t published, released;
  for (;;) { /* in this order: ring_begin() may move both at once */
    published = atomic_load(&ring->state->published);
    released = atomic_load(&ring->state->released);
    if ((int64_t)(published - released) > 0)
      break;
    wait_change(&ring->state->published, published);
  }
  uint64_t count = published - released;
  uint32_t together = ring->capacity - at(ring, released);
  count = count < together ? count : together;
  count = count < most ? count : most;
  for (uint32_t i = 0; i < count; i++)
    atomic_fetch_or(&ring->slots[at(ring, released + i)], RING_TAKEN);
  *first = released;
  return (uint32_t)count;
}

uint64_t ring_slot(const struct ring *ring, uint64_t position) {
  return atomic_load(&ring->slots[at(ring, position)]);
}

const void *ring_slot_page(const struct ring *ring, uint64_t position) {
  return ring->pages + (size_t)at(ring, position) * CACHE_PAGE_SIZE;
}

void ring_release(struct ring *ring, uint32_t count) {
  atomic_fetch_add(&ring->state->released, count);
  wake(&ring->state->released);
}
