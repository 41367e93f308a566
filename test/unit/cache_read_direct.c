/* Frames stored as they are are read past the page cache, unless they are in
 * it, and to where they are to be. Where that is refused, when opening or only
 * when reading, fails, or yields less than asked and not to a page's end, the
 * same comes out. Verifying reads what is on flash even of what is in memory. A
 * frame that does not match its checksum is an error either way. */
// RUN: %unit/cache_read_direct
// RUN: env UNIT_KEY=1 %unit/cache_read_direct
// RUN: %unit/sanitized/cache_read_direct
#include "Inputs/unit.h"

#include <errno.h>
#include <fcntl.h>

enum { PAGES = 700, RAW = 1, CODED = 2 };

static _Alignas(CACHE_PAGE_SIZE) unsigned char memory[PAGES][CACHE_PAGE_SIZE];
static struct model model = {.pages = PAGES};
static char name[CACHE_NAME_MAX];

static struct {
  bool open, all_cached, unknown;
  long result; /* of a read past the page cache, unless 0 */
} how;
static unsigned opened, read_past, copied_after;

static int io_openat(int fd, const char *path, int flags, unsigned mode) {
  bool reads = flags & O_DIRECT && (flags & O_ACCMODE) == O_RDONLY;
  if (reads && how.open)
    return -EINVAL;
  opened += reads;
  return cache_io_kernel.openat(fd, path, flags, mode);
}

static long io_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  if (!(fcntl(fd, F_GETFL) & O_DIRECT))
    return cache_io_kernel.pread(fd, buffer, length, offset);
  read_past++;
  CHECK(((uintptr_t)buffer | length | offset) % CACHE_PAGE_SIZE == 0);
  if (how.result > 0 && length > (size_t)how.result) {
    memset(buffer, 0xee, length); /* what was not read may be anything */
    unsigned char bytes[5000];
    CHECK(how.result <= (long)sizeof bytes);
    long got = cache_io_kernel.pread(fd, buffer, 8192, offset);
    CHECK(got == 8192);
    memcpy(bytes, buffer, (size_t)how.result);
    memset(buffer, 0xee, length);
    memcpy(buffer, bytes, (size_t)how.result);
    return how.result;
  }
  return how.result < 0 ? how.result
                        : cache_io_kernel.pread(fd, buffer, length, offset);
}

static long io_cached(int fd, uint64_t offset, uint64_t length) {
  CHECK((offset | length) % CACHE_PAGE_SIZE == 0 && fcntl(fd, F_GETFL) >= 0);
  return how.unknown      ? -ENOSYS
         : how.all_cached ? (long)(length / CACHE_PAGE_SIZE)
                          : 0;
}

static int copy(uint64_t address, const void *data, size_t count,
                void *context) {
  (void)context;
  copied_after += (unsigned)count;
  memcpy(memory[(address - UNIT_BASE) / CACHE_PAGE_SIZE], data,
         count * CACHE_PAGE_SIZE);
  return 0;
}

static void *target(uint64_t address, size_t count, void *context) {
  (void)count;
  (void)context;
  return memory[(address - UNIT_BASE) / CACHE_PAGE_SIZE];
}

static int read_all(struct cache *cache, uint64_t number) {
  static const struct cache_sink sink = {
      .page = copy, .target = target, .once = true};
  struct cache_range all = {UNIT_BASE, UNIT_BASE + PAGES * CACHE_PAGE_SIZE};
  struct cache_reader *reader;
  struct cache_plan *plan;
  struct cache_worker *worker;
  int result = 0;
  memset(memory, 0xdd, sizeof memory);
  opened = read_past = copied_after = 0;
  CHECK_OK(cache_reader_open(cache, name, number, &reader, &unit_error));
  CHECK_OK(cache_plan_make(reader, &all, 1, 4, &plan, &unit_error));
  CHECK_OK(cache_worker_open(plan, &worker, &unit_error));
  for (size_t i = 0; i < cache_plan_units(plan) && result == 0; i++)
    result = cache_plan_read(worker, i, &sink, &unit_error);
  cache_worker_close(worker);
  cache_plan_close(plan);
  cache_reader_close(reader);
  return result;
}

static void check(struct cache *cache, uint64_t number) {
  unsigned char expected[CACHE_PAGE_SIZE];
  CHECK_OK(read_all(cache, number));
  for (size_t i = 0; i < PAGES; i++) {
    unit_fill(expected, UNIT_BASE + i * CACHE_PAGE_SIZE, model.version[i]);
    CHECK(!memcmp(memory[i], expected, CACHE_PAGE_SIZE));
  }
}

static void write_generation(struct cache *cache, uint64_t number, int level,
                             size_t first, size_t count) {
  struct cache_write_options options = {number - 1, level};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(
      unit_put(writer, &model, first, count, (unsigned)number, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
}

static void check_ways(struct cache *cache, uint64_t number) {
  static const long results[] = {-EINVAL, -EIO, 4096, 5000, 1};
  memset(&how, 0, sizeof how);
  check(cache, number);
  CHECK(opened > 0 && read_past > 0);
  for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
    how.result = results[i];
    check(cache, number);
    CHECK(read_past > 0);
  }
  how.result = 0;
  how.open = true;
  check(cache, number);
  CHECK(read_past == 0);
  how.open = false;
  how.all_cached = true;
  check(cache, number);
  CHECK(opened == 0);
  CHECK_OK(cache_verify(cache, name, number, &unit_error));
  CHECK(opened > 0 && read_past > 0);
  how.unknown = true;
  check(cache, number);
  CHECK(opened == 0);
}

/* One byte of every page of the segment behind its header. */
static void damage(void) {
  char below[CACHE_NAME_MAX + 64];
  unsigned char *bytes;
  snprintf(below, sizeof below, "cache/%s/s0000000001.seg", name);
  size_t length = unit_read_file(unit_path(below), &bytes);
  for (size_t at = CACHE_PAGE_SIZE + 77; at < length; at += CACHE_PAGE_SIZE)
    bytes[at] ^= 1;
  unit_write_file(unit_path(below), bytes, length);
  free(bytes);
}

int main(void) {
  struct cache_io io = cache_io_kernel;
  struct cache_env env = {.io = &io, .map = unit_map, .unmap = unit_unmap};
  struct cache *cache;
  io.openat = io_openat;
  io.pread = io_pread;
  io.cached = io_cached;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "direct", name, &unit_error));
  write_generation(cache, RAW, 0, 0, PAGES);
  check_ways(cache, RAW);
  CHECK(copied_after == 0); /* each was read to where it is to be */
  write_generation(cache, CODED, 3, 100, 300);
  check_ways(cache, CODED);
  damage();
  for (int i = 0; i < 2; i++) {
    how.all_cached = i;
    how.unknown = false;
    CHECK_ERROR(read_all(cache, RAW), CACHE_DAMAGED);
    CHECK_ERROR(cache_verify(cache, name, RAW, &unit_error), CACHE_DAMAGED);
  }
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
