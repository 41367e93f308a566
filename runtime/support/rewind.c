/* rewind.c - see rewind.h. Putting back: mappings, pages, protections. The plan
 * is made in rewind_plan.c. */
#include "rewind_plan.h"

#include "../arch/sys.h"
#include "exclude.h"
#include "guards.h"
#include "huge_page.h"
#include "live.h"
#include "process_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* since Linux 5.18 */
#endif

static int fail(struct hwckpt_error *error, long result, const char *what,
                uint64_t begin, uint64_t end) {
  return hwckpt_fail(
      error, result == -ENOMEM ? HWCKPT_E_RESTORE_MEMORY : HWCKPT_E_ADDRESS,
      result < 0 ? (int)-result : 0, what, "%llx-%llx",
      (unsigned long long)begin, (unsigned long long)end);
}

/* ---- mappings ---- */

static bool is_file(const struct area *area) {
  return area->type == AREA_TYPE_FILE_PRIVATE ||
         area->type == AREA_TYPE_FILE_SHARED;
}

static int mapping_flags(const struct area *area) {
  bool shared = area->type == AREA_TYPE_FILE_SHARED ||
                area->type == AREA_TYPE_SHARED_MEMORY;
  int flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE);
  if (!is_file(area))
    flags |= MAP_ANONYMOUS | (int)huge_page_flags(area->huge_page);
  /* What the program cannot write is not counted against its memory. */
  if (!shared && !(area->protection & PROT_WRITE))
    flags |= MAP_NORESERVE;
  return area->grows_down ? flags | MAP_GROWSDOWN : flags;
}

static int map(const struct rewind_change *change, struct hwckpt_error *error) {
  const struct area *area = change->then;
  int protection = area->type == AREA_TYPE_FILE_SHARED ? (int)area->protection
                                                       : PROT_READ | PROT_WRITE;
  int flags = mapping_flags(area);
  uint64_t size = change->end - change->begin;
  uint64_t offset =
      is_file(area) ? area->offset + (change->begin - area->start) : 0;
  long result =
      SYS(mmap, change->begin, size, protection, flags, change->file, offset);
  if (result == -ENOMEM)
    result = SYS(mmap, change->begin, size, protection, flags | MAP_NORESERVE,
                 change->file, offset);
  return result == (long)change->begin
             ? 0
             : fail(error, result, "map", change->begin, change->end);
}

/* Pages come first, then the protection they had. */
static int protect(const struct rewind_change *change,
                   struct hwckpt_error *error) {
  long result = SYS(mprotect, change->begin, change->end - change->begin,
                    change->then->protection);
  return result < 0 ? fail(error, result, "protect", change->begin, change->end)
                    : 0;
}

static int apply_changes(const struct rewind *rewind, unsigned kinds,
                         struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < rewind->change_count && result == 0; i++) {
    const struct rewind_change *change = &rewind->changes[i];
    if (!(change->kinds & kinds))
      continue;
    if (kinds & REWIND_UNMAP)
      SYS(munmap, change->begin, change->end - change->begin);
    else if (kinds & REWIND_OPEN) /* fails where nobody can have written */
      SYS(mprotect, change->begin, change->end - change->begin,
          PROT_READ | PROT_WRITE);
    else if (kinds & REWIND_MAP)
      result = map(change, error);
    else
      result = protect(change, error);
  }
  return result;
}

/* The kernel's own note of where the heap ends. */
static int set_break(const Process *process, struct hwckpt_error *error) {
  if ((uint64_t)SYS(brk, 0) == process->brk)
    return 0;
  struct prctl_mm_map layout = process_layout(process, LAYOUT_SAME_PROGRAM);
  long result = SYS(prctl, PR_SET_MM, PR_SET_MM_MAP, &layout, sizeof layout, 0);
  return result < 0
             ? fail(error, result, "brk", process->start_brk, process->brk)
             : 0;
}

/* ---- pages ---- */

static int write_bytes(const struct rewind *rewind, unsigned flags,
                       uint64_t address, const void *data, size_t length,
                       struct hwckpt_error *error) {
  if (!length || (flags & WANT_READABLE &&
                  memcmp((const void *)address, data, length) == 0))
    return 0;
  if (flags & WANT_WRITABLE) {
    memcpy((void *)address, data, length);
    return 0;
  }
  long result = SYS(pwrite64, rewind->memory, data, length, address);
  return result == (long)length
             ? 0
             : fail(error, result, "write", address, address + length);
}

static bool is_equal(unsigned flags, uint64_t address, const void *data) {
  return flags & WANT_READABLE &&
         memcmp((const void *)address, data, CACHE_PAGE_SIZE) == 0;
}

/* A page, but for what is LIVE in it. Pages that are as they were are not
 * written: code runs in some. */
static int put_page(struct rewind *rewind, unsigned flags, uint64_t address,
                    const char *data, struct hwckpt_error *error) {
  if (is_equal(flags, address, data))
    return 0;
  uint64_t end = address + CACHE_PAGE_SIZE;
  uint64_t from = (uint64_t)live_begin, to = (uint64_t)live_end;
  rewind->pages++;
  if (from >= end || to <= address)
    return write_bytes(rewind, flags, address, data, CACHE_PAGE_SIZE, error);
  int result = 0;
  if (from > address)
    result = write_bytes(rewind, flags, address, data, from - address, error);
  if (result == 0 && to < end)
    result =
        write_bytes(rewind, flags, to, data + (to - address), end - to, error);
  return result;
}

static int put_run(uint64_t address, const void *data, size_t count,
                   void *context) {
  struct rewind_put *put = context;
  const char *page = data;
  int result = 0;
  for (; count && result == 0;
       count--, address += CACHE_PAGE_SIZE, page += CACHE_PAGE_SIZE)
    result = put_page(put->rewind, rewind_wanted(put->rewind, address)->flags,
                      address, page, put->error);
  return result;
}

static int put_pages(struct rewind *rewind, struct hwckpt_error *error) {
  struct rewind_put put = {rewind, error};
  if (!rewind->staged_all)
    return cache_replay(rewind->reader, rewind->ranges, rewind->want_count,
                        put_run, &put, error);
  const char *page = rewind->stage;
  int result = 0;
  for (size_t i = 0; i < rewind->run_count && result == 0; i++) {
    const struct rewind_run *run = &rewind->runs[i];
    result = put_run(run->address, page, run->count, &put);
    page += run->count * CACHE_PAGE_SIZE;
  }
  return result;
}

/* Zeros over [begin, end), which may be any bytes. */
static int clear_bytes(const struct rewind *rewind, unsigned flags,
                       uint64_t begin, uint64_t end,
                       struct hwckpt_error *error) {
  static const char zeros[CACHE_PAGE_SIZE];
  int result = 0;
  while (begin < end && result == 0) {
    uint64_t next = (begin | (CACHE_PAGE_SIZE - 1)) + 1;
    next = next < end ? next : end;
    result = write_bytes(rewind, flags, begin, zeros, next - begin, error);
    begin = next;
  }
  return result;
}

/* Not by dropping it: the file may show then. Behind its end is nothing. */
static int clear_present(const struct rewind *rewind, uint64_t begin,
                         uint64_t end, struct hwckpt_error *error) {
  int result = 0;
  char page[CACHE_PAGE_SIZE];
  for (; begin < end && result == 0; begin += CACHE_PAGE_SIZE) {
    long got = SYS(pread64, rewind->memory, page, sizeof page, begin);
    for (size_t i = 0; got == (long)sizeof page && i < sizeof page; i++)
      if (page[i]) {
        result = clear_bytes(rewind, 0, begin, begin + CACHE_PAGE_SIZE, error);
        break;
      }
  }
  return result;
}

/* Pages of which the generation has nothing. */
static int drop(const struct rewind *rewind, unsigned flags, uint64_t begin,
                uint64_t end, struct hwckpt_error *error) {
  uint64_t size = end - begin;
  if (begin < (uint64_t)live_end && end > (uint64_t)live_begin)
    return 0; /* never so: what is LIVE is stored with every base */
  if (flags & WANT_COPY)
    return clear_present(rewind, begin, end, error);
  long result = SYS(madvise, begin, size,
                    flags & WANT_SHARED ? MADV_REMOVE : MADV_DONTNEED);
  if (result == -EINVAL && !(flags & WANT_SHARED))
    result = SYS(madvise, begin, size, MADV_DONTNEED_LOCKED);
  if (result >= 0)
    return 0;
  if (flags & WANT_SHARED)
    return clear_present(rewind, begin, end, error);
  return flags & WANT_FILE ? fail(error, result, "drop", begin, end)
                           : clear_bytes(rewind, flags, begin, end, error);
}

/* The first bit from `bit` on, below `end`, that is `value`; or `end`. */
static uint64_t find_bit(const struct rewind *rewind, uint64_t bit,
                         uint64_t end, bool value) {
  while (bit < end) {
    uint64_t word = rewind->found[bit / 64];
    word = (value ? word : ~word) >> (bit % 64);
    if (word) {
      bit += (unsigned)__builtin_ctzll(word);
      break;
    }
    bit = (bit | 63) + 1;
  }
  return bit < end ? bit : end;
}

static int drop_missing(const struct rewind *rewind,
                        const struct rewind_want *want,
                        struct hwckpt_error *error) {
  uint64_t first = want->first_bit;
  uint64_t end = first + (want->end - want->begin) / CACHE_PAGE_SIZE;
  int result = 0;
  for (uint64_t from = first, to; result == 0; from = to) {
    from = find_bit(rewind, from, end, false);
    to = find_bit(rewind, from, end, true);
    if (from == end)
      break;
    result = drop(rewind, want->flags,
                  want->begin + (from - first) * CACHE_PAGE_SIZE,
                  want->begin + (to - first) * CACHE_PAGE_SIZE, error);
  }
  return result;
}

static int drop_all_missing(const struct rewind *rewind,
                            struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < rewind->want_count && result == 0; i++)
    if (rewind->wants[i].flags & WANT_DROP)
      result = drop_missing(rewind, &rewind->wants[i], error);
  return result;
}

/* ---- excluded memory ---- */

/* The exclusions are those of the generation by now. As after a restore what
 * they cover is zero, also where nothing was written since. */
static int clear_excluded(const struct rewind *rewind,
                          struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < rewind->then_count && result == 0; i++) {
    const struct area *area = &rewind->then[i];
    uint64_t at = area->start, from, to;
    if (area->type == AREA_TYPE_KERNEL || area->type == AREA_TYPE_FILE_SHARED)
      continue;
    for (; result == 0 && exclude_in(at, area->end, &from, &to); at = to) {
      uint64_t first = (from + CACHE_PAGE_SIZE - 1) & ~(CACHE_PAGE_SIZE - 1ull);
      uint64_t last = to & ~(CACHE_PAGE_SIZE - 1ull);
      /* Not by plain stores: the protection need not be what it was. */
      if (area->type != AREA_TYPE_ANONYMOUS || first >= last) {
        result = clear_bytes(rewind, 0, from, to, error);
        continue;
      }
      result = clear_bytes(rewind, 0, from, first, error);
      if (result == 0)
        result = drop(rewind, 0, first, last, error);
      if (result == 0)
        result = clear_bytes(rewind, 0, last, to, error);
    }
  }
  return result;
}

/* ---- all of it ---- */

/* The next checkpoint is a delta of the generation: only what is written from
 * here on counts. */
static int clean(const struct rewind *rewind, struct hwckpt_error *error) {
  int result = memory_map_read(rewind->map, error);
  for (size_t i = 0; i < rewind->map->count && result == 0; i++) {
    const struct area *area = &rewind->map->areas[i];
    if (area->type == AREA_TYPE_ANONYMOUS ||
        area->type == AREA_TYPE_FILE_PRIVATE)
      result = dirty_clean(rewind->dirty, area, error);
  }
  return result;
}

int rewind_apply(struct rewind *rewind, struct hwckpt_error *error) {
  int result = apply_changes(rewind, REWIND_UNMAP, error);
  if (result == 0)
    result = apply_changes(rewind, REWIND_MAP, error);
  guards_lift(rewind->dirty);
  if (result == 0)
    result = apply_changes(rewind, REWIND_OPEN, error);
  if (result == 0)
    result = put_pages(rewind, error);
  if (result == 0)
    result = drop_all_missing(rewind, error);
  if (result == 0)
    result = clear_excluded(rewind, error);
  guards_set(rewind->reader);
  if (result == 0)
    result = apply_changes(rewind, REWIND_PROTECT, error);
  if (result == 0)
    result = set_break(rewind->process, error);
  return result == 0 ? clean(rewind, error) : result;
}
