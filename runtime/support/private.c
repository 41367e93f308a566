/* private.c - see private.h. */
#include "private.h"

#include "../arch/sys.h"
#include "live.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define PRIVATE_RANGES 256

/* Where memory is asked for, far from where the kernel puts the program's: a
 * hole that the program makes to fill it again stays its own. Where this is
 * taken (by a sanitizer), the kernel chooses. */
#define PRIVATE_BASE 0x2a0000000000ul
static LIVE _Atomic uint64_t next_address = PRIVATE_BASE;

/* All ranges lie between them: what does not, which is nearly all of the
 * program's memory, need not be compared with each. */
static LIVE _Atomic uint64_t lowest = UINT64_MAX, highest;

static LIVE struct {
  _Atomic uint64_t begin; /* 0: free; written last */
  _Atomic uint64_t end;
  bool lasting;
} ranges[PRIVATE_RANGES];

static LIVE _Atomic bool hidden;

static void widen(uint64_t begin, uint64_t end) {
  uint64_t low = atomic_load(&lowest), high = atomic_load(&highest);
  while (begin < low && !atomic_compare_exchange_weak(&lowest, &low, begin))
    ;
  while (end > high && !atomic_compare_exchange_weak(&highest, &high, end))
    ;
}

static long map_at(uint64_t address, size_t length, int flags) {
  return SYS(mmap, address, length, PROT_READ | PROT_WRITE,
             flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void *map(size_t length, int sharing, bool lasting) {
  length = (length + 4095) & ~(size_t)4095;
  for (unsigned i = 0; i < PRIVATE_RANGES; i++) {
    uint64_t free_slot = 0;
    /* 1 holds the place while the address is not known. */
    if (!atomic_compare_exchange_strong(&ranges[i].begin, &free_slot, 1))
      continue;
    uint64_t hint = atomic_fetch_add(&next_address, length);
    long address = map_at(hint, length, sharing);
    if (address < 0 && address > -4096) {
      atomic_store(&ranges[i].begin, 0);
      return 0;
    }
    widen((uint64_t)address, (uint64_t)address + length);
    atomic_store(&ranges[i].end, (uint64_t)address + length);
    ranges[i].lasting = lasting;
    if (atomic_load(&hidden))
      SYS(madvise, address, length, MADV_DONTDUMP);
    atomic_store(&ranges[i].begin, (uint64_t)address);
    return (void *)address;
  }
  return 0;
}

void *private_map(size_t length) { return map(length, MAP_PRIVATE, false); }

void *private_map_shared(size_t length) {
  return map(length, MAP_SHARED, false);
}

void *private_map_lasting(size_t length) {
  return map(length, MAP_PRIVATE, true);
}

void private_unmap(void *address, size_t length) {
  if (!address)
    return;
  length = (length + 4095) & ~(size_t)4095;
  SYS(munmap, address, length);
  for (unsigned i = 0; i < PRIVATE_RANGES; i++)
    if (atomic_load(&ranges[i].begin) == (uint64_t)address) {
      atomic_store(&ranges[i].begin, 0);
      return;
    }
}

int private_in(uint64_t begin, uint64_t end, uint64_t *from, uint64_t *to) {
  int found = 0;
  if (end <= atomic_load(&lowest) || begin >= atomic_load(&highest))
    return 0;
  for (unsigned i = 0; i < PRIVATE_RANGES; i++) {
    uint64_t b = atomic_load(&ranges[i].begin);
    uint64_t e = atomic_load(&ranges[i].end);
    if (b <= 1 || b >= end || e <= begin)
      continue;
    b = b < begin ? begin : b;
    e = e > end ? end : e;
    if (!found || b < *from) {
      *from = b;
      *to = e;
    }
    found = 1;
  }
  return found;
}

void private_hide(void) {
  if (atomic_exchange(&hidden, true))
    return;
  for (unsigned i = 0; i < PRIVATE_RANGES; i++) {
    uint64_t begin = atomic_load(&ranges[i].begin);
    if (begin > 1)
      SYS(madvise, begin, atomic_load(&ranges[i].end) - begin, MADV_DONTDUMP);
  }
}

uint64_t private_forget(void) {
  uint64_t taken = 0;
  atomic_store(&hidden, false);
  for (unsigned i = 0; i < PRIVATE_RANGES; i++) {
    uint64_t begin = atomic_load(&ranges[i].begin);
    size_t length = atomic_load(&ranges[i].end) - begin;
    if (begin > 1 && ranges[i].lasting &&
        map_at(begin, length, MAP_PRIVATE | MAP_FIXED_NOREPLACE) == (long)begin)
      continue;
    if (begin > 1 && ranges[i].lasting)
      taken = begin;
    atomic_store(&ranges[i].begin, 0);
  }
  return taken;
}

void private_drop(bool (*keeps)(const void *memory)) {
  for (unsigned i = 0; i < PRIVATE_RANGES; i++) {
    uint64_t begin = atomic_load(&ranges[i].begin);
    size_t length = atomic_load(&ranges[i].end) - begin;
    if (begin > 1 && keeps((const void *)begin))
      continue;
    if (begin > 1 && ranges[i].lasting) {
      SYS(madvise, begin, length, MADV_DONTNEED);
      continue;
    }
    if (begin > 1)
      SYS(munmap, begin, length);
    atomic_store(&ranges[i].begin, 0);
  }
}

const struct cache_env private_cache_env = {
    .io = &cache_io_kernel, .map = private_map, .unmap = private_unmap};
