/* rewind_plan.c - what is otherwise in memory than the generation has it. See
 * rewind.h.
 *
 * Both memory maps are walked side by side, in stretches within which neither
 * changes. A plan may want more pages than were written: all that a generation
 * says of a page is right for it.
 */
#include "rewind_plan.h"

#include "../arch/sys.h"
#include "area_fault.h"
#include "live.h"
#include "private.h"
#include "record_types.h"

#include <errno.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define WANTS_MAX ((size_t)1 << 20)
#define RUNS_MAX ((size_t)1 << 20)

static int no_memory(struct hwckpt_error *error, size_t bytes) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "rollback",
                     "%zu bytes", bytes);
}

/* ---- the generation's map ---- */

static const enum area_type types[] = {
    [AreaKind_AREA_ANONYMOUS] = AREA_TYPE_ANONYMOUS,
    [AreaKind_AREA_FILE_PRIVATE] = AREA_TYPE_FILE_PRIVATE,
    [AreaKind_AREA_FILE_SHARED] = AREA_TYPE_FILE_SHARED,
    [AreaKind_AREA_SHARED_MEMORY] = AREA_TYPE_SHARED_MEMORY,
    [AreaKind_AREA_KERNEL] = AREA_TYPE_KERNEL,
};

static int read_area(struct rewind *rewind, size_t record, const void *data,
                     size_t length, struct hwckpt_error *error) {
  Area message = Area_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  uint64_t before =
      rewind->then_count ? rewind->then[rewind->then_count - 1].end : 0;
  if (!pb_decode(&stream, Area_fields, &message) ||
      (size_t)message.kind >= sizeof types / sizeof *types ||
      area_fault(&message, before))
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "area", "record %zu", record);
  rewind->then_records[rewind->then_count] = record;
  rewind->then[rewind->then_count++] = (struct area){
      .start = message.start,
      .end = message.end,
      .offset = message.offset,
      .device = message.device,
      .inode = message.inode,
      .protection = message.protection,
      .type = types[message.kind],
      .source = message.source == AreaSource_SOURCE_ANONYMOUS
                    ? AREA_SOURCE_ANONYMOUS
                    : AREA_SOURCE_FILE,
      .grows_down = message.grows_down,
      .huge_page = message.huge_page,
      .name = "",
  };
  return 0;
}

static size_t count_records(const struct cache_reader *reader) {
  uint32_t type;
  const void *data;
  size_t length, count = 0;
  while (cache_reader_record(reader, count, &type, &data, &length))
    count++;
  return count;
}

int rewind_open(struct rewind *rewind, struct hwckpt_error *error) {
  rewind->memory = -1;
  rewind->records = count_records(rewind->reader);
  rewind->then = private_map(rewind->records * sizeof *rewind->then);
  rewind->then_records =
      private_map(rewind->records * sizeof *rewind->then_records);
  rewind->process = private_map(sizeof *rewind->process);
  if (!rewind->then || !rewind->then_records || !rewind->process)
    return no_memory(error, rewind->records * sizeof *rewind->then);
  int result = 0;
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0; result == 0 && cache_reader_record(rewind->reader, i,
                                                        &type, &data, &length);
       i++) {
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    if (type == RECORD_AREA)
      result = read_area(rewind, i, data, length, error);
    else if (type == RECORD_PROCESS &&
             !pb_decode(&stream, Process_fields, rewind->process))
      result =
          hwckpt_fail(error, HWCKPT_E_RECORD, 0, "process", "record %zu", i);
  }
  return result;
}

/* ---- wanted pages ---- */

static bool less(const struct rewind_want *a, const struct rewind_want *b) {
  return a->begin < b->begin;
}

static void sift_down(struct rewind_want *wants, size_t root, size_t count) {
  for (size_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && less(&wants[child], &wants[child + 1]))
      child++;
    if (!less(&wants[root], &wants[child]))
      return;
    struct rewind_want swap = wants[root];
    wants[root] = wants[child];
    wants[child] = swap;
  }
}

/* Heapsort: no memory, no recursion. */
static void sort(struct rewind_want *wants, size_t count) {
  for (size_t i = count / 2; i-- > 0;)
    sift_down(wants, i, count);
  for (size_t i = count; i-- > 1;) {
    struct rewind_want swap = wants[0];
    wants[0] = wants[i];
    wants[i] = swap;
    sift_down(wants, 0, i);
  }
}

/* What overlaps, or touches and is alike, becomes one. */
static size_t merge(struct rewind_want *wants, size_t count) {
  size_t last = 0;
  for (size_t i = 1; i < count; i++) {
    bool alike = wants[i].flags == wants[last].flags;
    if (wants[i].begin < wants[last].end + (alike ? 1 : 0)) {
      if (wants[i].end > wants[last].end)
        wants[last].end = wants[i].end;
      wants[last].flags |= wants[i].flags;
    } else {
      wants[++last] = wants[i];
    }
  }
  return count ? last + 1 : 0;
}

struct listing {
  struct rewind *rewind;
  uint64_t begin, end;
  unsigned flags;
  size_t first; /* want of this stretch */
};

/* Where nothing is now, nothing has to be dropped. Of more runs than there is
 * room for, all of the stretch becomes one; each stretch has room for that. */
static int want(enum dirty_run run, uint64_t begin, uint64_t end,
                void *context) {
  struct listing *listing = context;
  struct rewind *rewind = listing->rewind;
  struct rewind_want wanted = {begin, end, 0, listing->flags};
  if (run == DIRTY_PAGES)
    wanted.flags |= WANT_DROP;
  if (rewind->want_count >= WANTS_MAX && rewind->want_count > listing->first) {
    rewind->want_count = listing->first;
    wanted = (struct rewind_want){listing->begin, listing->end, 0,
                                  listing->flags | WANT_DROP};
  }
  rewind->wants[rewind->want_count++] = wanted;
  return 0;
}

static unsigned flags_of(const struct area *area, unsigned protection) {
  unsigned flags = protection & PROT_WRITE ? WANT_WRITABLE : 0;
  if (protection & PROT_READ)
    flags |= WANT_READABLE;
  if (area->type == AREA_TYPE_SHARED_MEMORY)
    flags |= WANT_SHARED;
  if (area->type == AREA_TYPE_FILE_COPY)
    flags |= WANT_COPY;
  return area->type == AREA_TYPE_FILE_PRIVATE ? flags | WANT_FILE : flags;
}

/* ---- the two maps side by side ---- */

static bool same_backing(const struct area *then, const struct area *now,
                         uint64_t at) {
  /* A copy is stored as anonymous memory. */
  if (now->type == AREA_TYPE_FILE_COPY)
    return then->huge_page == now->huge_page &&
           then->type == AREA_TYPE_ANONYMOUS;
  if (then->type != now->type)
    return false;
  if (then->type == AREA_TYPE_ANONYMOUS || then->type == AREA_TYPE_KERNEL)
    return true;
  return then->device == now->device && then->inode == now->inode &&
         then->offset + (at - then->start) == now->offset + (at - now->start);
}

static void change(struct rewind *rewind, uint64_t begin, uint64_t end,
                   unsigned kinds, const struct area *then, int file) {
  rewind->changes[rewind->change_count++] =
      (struct rewind_change){begin, end, kinds, then, file};
}

static int cannot(struct hwckpt_error *error, int sys_errno, const char *object,
                  const char *what, uint64_t begin, uint64_t end) {
  return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, sys_errno,
                     *object ? object : "a file without a name",
                     "%s at %llx-%llx", what, (unsigned long long)begin,
                     (unsigned long long)end);
}

/* Opens the file that was mapped, if it still is the one. */
static int open_file(const struct rewind *rewind, const struct area *then,
                     int *file, struct hwckpt_error *error) {
  Area message = Area_init_zero;
  struct stat status;
  uint32_t type;
  const void *data;
  size_t length;
  cache_reader_record(rewind->reader, rewind->then_records[then - rewind->then],
                      &type, &data, &length);
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  pb_decode(&stream, Area_fields, &message);
  bool writes = then->type == AREA_TYPE_FILE_SHARED;
  long fd = writes ? SYS(openat, AT_FDCWD, message.name, O_RDWR | O_CLOEXEC, 0)
                   : -EACCES;
  if (fd < 0 && !(writes && then->protection & PROT_WRITE))
    fd = SYS(openat, AT_FDCWD, message.name, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return cannot(error, (int)-fd, message.name, "is to be mapped again",
                  then->start, then->end);
  *file = (int)fd;
  SYS(fstat, fd, &status);
  uint64_t mtime = (uint64_t)status.st_mtim.tv_sec * 1000000000u +
                   (uint64_t)status.st_mtim.tv_nsec;
  if (status.st_ino == then->inode &&
      (uint64_t)status.st_size >= message.file_size &&
      (writes || mtime == message.file_mtime_ns))
    return 0;
  return cannot(error, 0, message.name,
                "is to be mapped again, and another file now", then->start,
                then->end);
}

/* The file that the runtime itself is mapped from stays where it is. */
static bool is_own(const struct rewind *rewind, const struct area *now) {
  const struct memory_map *map = rewind->map;
  for (size_t i = 0; i < map->count; i++)
    if (map->areas[i].start < (uint64_t)live_end &&
        map->areas[i].end > (uint64_t)live_begin)
      return now->inode && now->inode == map->areas[i].inode &&
             now->device == map->areas[i].device;
  return false;
}

static bool is_kernels(const struct area *area) {
  return area && area->type == AREA_TYPE_KERNEL;
}

/* Shared memory of which there is more than this area. */
static bool is_of_another(const struct rewind *rewind,
                          const struct area *then) {
  if (then->type != AREA_TYPE_SHARED_MEMORY)
    return false;
  if (then->source != AREA_SOURCE_ANONYMOUS)
    return true;
  for (size_t i = 0; i < rewind->then_count; i++) {
    const struct area *other = &rewind->then[i];
    if (other != then && other->type == AREA_TYPE_SHARED_MEMORY &&
        other->inode == then->inode && other->device == then->device)
      return true;
  }
  return false;
}

static int plan_mapping(struct rewind *rewind, const struct area *then,
                        const struct area *now, uint64_t begin, uint64_t end,
                        struct hwckpt_error *error) {
  uint64_t from, to;
  int file = -1;
  if (is_kernels(then) || is_kernels(now))
    return cannot(error, 0, "vdso", "is elsewhere, not", begin, end);
  if (is_of_another(rewind, then))
    return cannot(error, 0, "shared memory",
                  "is not mapped any more, as it was", begin, end);
  if (now && is_own(rewind, now))
    return cannot(error, 0, "the program's own file", "is mapped anew", begin,
                  end);
  if (private_in(begin, end, &from, &to))
    return cannot(error, 0, "memory of the runtime",
                  "is where the program had some,", begin, end);
  bool is_file = then->type == AREA_TYPE_FILE_PRIVATE ||
                 then->type == AREA_TYPE_FILE_SHARED;
  int result = is_file ? open_file(rewind, then, &file, error) : 0;
  bool other = then->type != AREA_TYPE_FILE_SHARED &&
               then->protection != (PROT_READ | PROT_WRITE);
  change(rewind, begin, end, REWIND_MAP | (other ? REWIND_PROTECT : 0), then,
         file);
  if (result == 0 && then->type != AREA_TYPE_FILE_SHARED) {
    struct listing listing = {rewind, begin, end,
                              flags_of(then, PROT_READ | PROT_WRITE),
                              rewind->want_count};
    want(DIRTY_HOLE, begin, end, &listing);
  }
  return result;
}

/* Mapped as it was: what was written in it since. */
static int plan_pages(struct rewind *rewind, const struct area *then,
                      const struct area *now, uint64_t begin, uint64_t end,
                      struct hwckpt_error *error) {
  bool shared = then->type == AREA_TYPE_SHARED_MEMORY;
  bool opens = shared && !(now->protection & PROT_WRITE);
  if (then->protection != now->protection || opens)
    change(rewind, begin, end, REWIND_PROTECT | (opens ? REWIND_OPEN : 0), then,
           -1);
  if (then->type == AREA_TYPE_FILE_SHARED || is_kernels(then))
    return 0;
  struct listing listing = {rewind, begin, end, flags_of(now, now->protection),
                            rewind->want_count};
  int result = 0;
  if (rewind->all || then->type == AREA_TYPE_SHARED_MEMORY) {
    want(DIRTY_PAGES, begin, end, &listing);
  } else {
    struct area part = *now;
    part.start = begin;
    part.end = end;
    result = dirty_list(rewind->dirty, &part, want, &listing, error);
  }
  struct rewind_want *wants = rewind->wants + listing.first;
  size_t count = rewind->want_count - listing.first;
  sort(wants, count);
  rewind->want_count = listing.first + merge(wants, count);
  return result;
}

static int plan_stretch(struct rewind *rewind, const struct area *then,
                        const struct area *now, uint64_t begin, uint64_t end,
                        struct hwckpt_error *error) {
  if (then && then->huge_page && then->type == AREA_TYPE_SHARED_MEMORY)
    return cannot(error, 0, "shared memory of huge pages", "is mapped", begin,
                  end);
  if (then && now && same_backing(then, now, begin))
    return plan_pages(rewind, then, now, begin, end, error);
  if (then)
    return plan_mapping(rewind, then, now, begin, end, error);
  if (is_own(rewind, now))
    return cannot(error, 0, "the program's own file", "is mapped as well",
                  begin, end);
  if (!is_kernels(now))
    change(rewind, begin, end, REWIND_UNMAP, 0, -1);
  return 0;
}

/* The part of an area from `at` on; null when it begins behind `*end`, which
 * then ends where it begins. */
static const struct area *at_or_end(const struct area *areas, size_t count,
                                    size_t *i, uint64_t at, uint64_t *end) {
  while (*i < count && areas[*i].end <= at)
    ++*i;
  if (*i == count)
    return 0;
  bool inside = areas[*i].start <= at;
  uint64_t edge = inside ? areas[*i].end : areas[*i].start;
  *end = edge < *end ? edge : *end;
  return inside ? &areas[*i] : 0;
}

static int compare_maps(struct rewind *rewind, struct hwckpt_error *error) {
  const struct memory_map *map = rewind->map;
  size_t i = 0, k = 0;
  for (uint64_t at = 0, end;; at = end) {
    end = UINT64_MAX;
    const struct area *then =
        at_or_end(rewind->then, rewind->then_count, &i, at, &end);
    const struct area *now = at_or_end(map->areas, map->count, &k, at, &end);
    if (end == UINT64_MAX)
      return 0;
    int result =
        then || now ? plan_stretch(rewind, then, now, at, end, error) : 0;
    if (result < 0)
      return result;
  }
}

/* ---- the pages that the generation has ---- */

const struct rewind_want *rewind_wanted(const struct rewind *rewind,
                                        uint64_t address) {
  size_t low = 0, high = rewind->want_count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (rewind->wants[middle].begin <= address)
      low = middle;
    else
      high = middle;
  }
  return &rewind->wants[low];
}

static void note_found(struct rewind *rewind, uint64_t address, size_t count) {
  while (count) {
    const struct rewind_want *in = rewind_wanted(rewind, address);
    uint64_t bit = in->first_bit + (address - in->begin) / CACHE_PAGE_SIZE;
    for (; count && address < in->end;
         count--, bit++, address += CACHE_PAGE_SIZE)
      rewind->found[bit / 64] |= 1ull << (bit % 64);
  }
}

static void stage(struct rewind *rewind, uint64_t address, const void *data,
                  size_t count) {
  size_t bytes = count * CACHE_PAGE_SIZE;
  if (bytes > rewind->staged_bytes - rewind->staged ||
      rewind->run_count == RUNS_MAX)
    rewind->staged_all = false;
  if (!rewind->staged_all)
    return;
  memcpy(rewind->stage + rewind->staged, data, bytes);
  rewind->staged += bytes;
  rewind->runs[rewind->run_count++] = (struct rewind_run){address, count};
}

static int take_run(uint64_t address, const void *data, size_t count,
                    void *context) {
  struct rewind *rewind = context;
  note_found(rewind, address, count);
  stage(rewind, address, data, count);
  return 0;
}

/* Reads all pages that are wanted, so that no damage is found later. Those that
 * do not fit the stage are read once more. */
static int read_pages(struct rewind *rewind, struct hwckpt_error *error) {
  uint64_t bits = 0;
  rewind->ranges = private_map(rewind->want_count * sizeof *rewind->ranges + 1);
  if (!rewind->ranges)
    return no_memory(error, rewind->want_count * sizeof *rewind->ranges);
  for (size_t i = 0; i < rewind->want_count; i++) {
    struct rewind_want *in = &rewind->wants[i];
    rewind->ranges[i] = (struct cache_range){in->begin, in->end};
    in->first_bit = bits;
    bits += (in->end - in->begin) / CACHE_PAGE_SIZE;
  }
  rewind->found_bytes = (size_t)(bits / 64 + 1) * 8;
  rewind->found = private_map(rewind->found_bytes);
  if (rewind->staged_bytes > bits * CACHE_PAGE_SIZE)
    rewind->staged_bytes = (size_t)bits * CACHE_PAGE_SIZE;
  rewind->stage = private_map(rewind->staged_bytes + 1);
  rewind->runs = private_map(RUNS_MAX * sizeof *rewind->runs);
  if (!rewind->found || !rewind->stage || !rewind->runs)
    return no_memory(error, rewind->found_bytes + rewind->staged_bytes);
  rewind->staged_all = true;
  return cache_replay(rewind->reader, rewind->ranges, rewind->want_count,
                      take_run, rewind, error);
}

/* Each edge of either map begins a stretch. */
static size_t changes_max(const struct rewind *rewind) {
  return 2 * (rewind->then_count + rewind->map->count) + 1;
}

int rewind_plan(struct rewind *rewind, struct hwckpt_error *error) {
  int result = memory_map_read(rewind->map, error);
  if (result < 0)
    return result;
  rewind->changes_room = changes_max(rewind);
  rewind->changes = private_map(rewind->changes_room * sizeof *rewind->changes);
  rewind->wants_room = WANTS_MAX + rewind->changes_room;
  rewind->wants = private_map(rewind->wants_room * sizeof *rewind->wants);
  rewind->memory = (int)SYS(openat, AT_FDCWD, "/proc/thread-self/mem",
                            O_RDWR | O_CLOEXEC, 0);
  if (!rewind->changes || !rewind->wants)
    return no_memory(error, rewind->wants_room * sizeof *rewind->wants);
  if (rewind->memory < 0)
    return cannot(error, -rewind->memory, "/proc/self/mem", "open", 0, 0);
  result = compare_maps(rewind, error);
  return result < 0 ? result : read_pages(rewind, error);
}

void rewind_close(struct rewind *rewind) {
  for (size_t i = 0; i < rewind->change_count; i++)
    if (rewind->changes[i].file >= 0)
      SYS(close, rewind->changes[i].file);
  if (rewind->memory >= 0)
    SYS(close, rewind->memory);
  private_unmap(rewind->runs, RUNS_MAX * sizeof *rewind->runs);
  private_unmap(rewind->stage, rewind->staged_bytes + 1);
  private_unmap(rewind->found, rewind->found_bytes);
  private_unmap(rewind->ranges,
                rewind->want_count * sizeof *rewind->ranges + 1);
  private_unmap(rewind->wants, rewind->wants_room * sizeof *rewind->wants);
  private_unmap(rewind->changes,
                rewind->changes_room * sizeof *rewind->changes);
  private_unmap(rewind->process, sizeof *rewind->process);
  private_unmap(rewind->then_records,
                rewind->records * sizeof *rewind->then_records);
  private_unmap(rewind->then, rewind->records * sizeof *rewind->then);
}
