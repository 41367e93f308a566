/* Replay delivers what is wanted and nothing else, at a cost that follows what
 * was written: areas of 16 TiB, the top of the address space, long runs in few
 * calls. A callback ends it with its own value. */
// RUN: %unit/cache_ranges
// RUN: env UNIT_KEY=1 %unit/cache_ranges
// RUN: %unit/sanitized/cache_ranges
#include "Inputs/unit.h"

#include <time.h>

#define TERA (UINT64_C(1) << 40)

struct seen {
  uint64_t pages, first, last, calls, longest;
  int stop_after;
};

static int see(uint64_t address, const void *data, size_t count,
               void *context) {
  struct seen *seen = context;
  char expected[CACHE_PAGE_SIZE];
  for (size_t i = 0; i < count; i++) {
    uint64_t at = address + i * CACHE_PAGE_SIZE;
    unit_fill(expected, at, 1);
    CHECK(!memcmp(expected, (const char *)data + i * CACHE_PAGE_SIZE,
                  CACHE_PAGE_SIZE));
    if (at < seen->first)
      seen->first = at;
    if (at > seen->last)
      seen->last = at;
  }
  seen->pages += count;
  seen->calls++;
  if (count > seen->longest)
    seen->longest = count;
  if (seen->stop_after == 0)
    return 0;
  seen->stop_after--;
  return seen->stop_after == 0 ? 1234 : 0;
}

static struct seen replay(struct cache_reader *reader,
                          const struct cache_range *ranges, size_t count) {
  struct seen seen = {.first = UINT64_MAX};
  CHECK_OK(cache_replay(reader, ranges, count, see, &seen, &unit_error));
  return seen;
}

static void put_at(struct cache_writer *writer, uint64_t address,
                   size_t count) {
  char *pages = malloc(count * CACHE_PAGE_SIZE);
  CHECK(pages);
  for (size_t i = 0; i < count; i++)
    unit_fill(pages + i * CACHE_PAGE_SIZE, address + i * CACHE_PAGE_SIZE, 1);
  CHECK_OK(cache_put_pages(writer, address, pages, count, &unit_error));
  free(pages);
}

#define LOW UINT64_C(0x10000)
#define HIGH UINT64_C(0xffffffffff600000)

int main(void) {
  struct cache *cache;
  struct cache_reader *reader;
  struct cache_writer *writer;
  char name[CACHE_NAME_MAX];
  struct cache_write_options options = {0, 0};
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "ranges", name, &unit_error));

  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  put_at(writer, 20 * TERA, 3000);
  put_at(writer, LOW, 1);
  put_at(writer, HIGH, 1);
  for (unsigned i = 0; i < 100; i++) /* scattered, from above to below */
    put_at(writer, 10 * TERA - i * (TERA / 64), 1);
  CHECK_ERROR(cache_put_pages(writer, 1, "", 1, &unit_error), CAPTURE);
  CHECK_ERROR(cache_put_hole(writer, 4096, UINT64_MAX - 4095, &unit_error),
              CAPTURE);
  CHECK_ERROR(cache_put_pages(writer, 4096, "", SIZE_MAX, &unit_error),
              CAPTURE);
  CHECK_OK(cache_commit(writer, NULL, &unit_error));

  options.parent = 1;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(cache_put_hole(writer, 9 * TERA, 8 * TERA, &unit_error));
  CHECK_OK(cache_put_hole(writer, 0, 4096, &unit_error));
  put_at(writer, 16 * TERA, 2);
  CHECK_OK(cache_commit(writer, NULL, &unit_error));

  struct cache_range all = {0, UINT64_MAX & ~UINT64_C(4095)};
  CHECK_OK(cache_reader_open(cache, name, 1, &reader, &unit_error));
  struct seen seen = replay(reader, &all, 1);
  CHECK(seen.pages == 3102 && seen.first == LOW && seen.last == HIGH);
  struct cache_range run = {20 * TERA, 20 * TERA + 3000 * 4096};
  seen = replay(reader, &run, 1);
  CHECK(seen.pages == 3000 && seen.calls <= 4 && seen.longest >= 1000);
  struct cache_range parts[] = {
      {LOW, LOW},                                       /* empty */
      {10 * TERA, 10 * TERA + 4096},                    /* one page */
      {16 * TERA, 16 * TERA + 8192},                    /* not yet */
      {20 * TERA + 100 * 4096, 20 * TERA + 101 * 4096}, /* within */
      {20 * TERA + 101 * 4096, 20 * TERA + 102 * 4096}, /* beside */
      {20 * TERA + 2999 * 4096, 30 * TERA},             /* the last */
  };
  seen = replay(reader, parts, sizeof(parts) / sizeof(parts[0]));
  CHECK(seen.pages == 4);
  seen = replay(reader, NULL, 0);
  CHECK(seen.pages == 0);

  struct seen stopped = {.stop_after = 2};
  CHECK(cache_replay(reader, &all, 1, see, &stopped, &unit_error) == 1234);
  CHECK(stopped.calls == 2);
  struct cache_range wrong[] = {{8192, 12288}, {4096, 8192}};
  CHECK_ERROR(cache_replay(reader, wrong, 2, see, &stopped, &unit_error),
              RECORD);
  wrong[0] = (struct cache_range){1, 4096};
  CHECK_ERROR(cache_replay(reader, wrong, 1, see, &stopped, &unit_error),
              RECORD);
  cache_reader_close(reader);

  /* With the hole: the upper 63 of the scattered pages are gone, TERA / 64
   * apart, the one at its lower edge as well. */
  CHECK_OK(cache_reader_open(cache, name, 2, &reader, &unit_error));
  CHECK(cache_reader_chain(reader) == 2);
  seen = replay(reader, &all, 1);
  CHECK(seen.pages == 3102 - 65 + 2);
  cache_reader_close(reader);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  clock_gettime(CLOCK_MONOTONIC, &end);
  CHECK(end.tv_sec - begin.tv_sec < 20);
  return 0;
}
