/* What writing, merging, and remembering what the log has, takes of memory: it
 * does not grow with the lists of all pages that the generations have, and by
 * no more than a window for each generation of a long chain.
 * %unit/cache_memory PAGES says what it is for a program of so many pages, and
 * %unit/cache_memory PAGES CHAIN for a chain of so many. */
// RUN: %unit/cache_memory
#include "Inputs/unit.h"

#include <sys/mman.h>

/* ---- what is in memory ---- */

#define MAPPINGS 2048
static struct {
  unsigned char *begin;
  size_t length;
} mappings[MAPPINGS];
static size_t most;

static size_t resident(void) {
  static unsigned char in[1 << 16];
  size_t pages = 0;
  for (unsigned i = 0; i < MAPPINGS; i++)
    for (size_t at = 0; at < mappings[i].length; at += sizeof(in) << 12) {
      size_t part = mappings[i].length - at;
      if (part > sizeof(in) << 12)
        part = sizeof(in) << 12;
      CHECK(mincore(mappings[i].begin + at, part, in) == 0);
      for (size_t j = 0; j < (part + 4095) >> 12; j++)
        pages += in[j] & 1;
    }
  return pages << 12;
}

static void *map(size_t length) {
  unsigned i = 0;
  unsigned char *begin = mmap(NULL, length, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(begin != MAP_FAILED);
  madvise(begin, length, MADV_NOHUGEPAGE); /* what is used is counted */
  while (i < MAPPINGS && mappings[i].begin)
    i++;
  CHECK(i < MAPPINGS);
  mappings[i].begin = begin;
  mappings[i].length = length;
  return begin;
}

/* It grows until something is given back. */
static void unmap(void *begin, size_t length) {
  unsigned i = 0;
  size_t now = resident();
  most = now > most ? now : most;
  while (i < MAPPINGS && mappings[i].begin != begin)
    i++;
  CHECK(i < MAPPINGS && mappings[i].length == length);
  mappings[i].begin = NULL;
  mappings[i].length = 0;
  CHECK(munmap(begin, length) == 0);
}

static size_t take(void) {
  size_t now = most;
  most = resident();
  return now;
}

static struct cache_env env;

/* ---- a large program ---- */

static size_t pages = 65536;
static struct cache *cache;
static char name[CACHE_NAME_MAX];
static uint64_t newest;

static void put(struct cache_writer *writer, size_t page, unsigned version) {
  static uint64_t data[CACHE_PAGE_SIZE / 8];
  data[0] = page + 1;
  data[1] = version;
  CHECK_OK(cache_put_pages(writer, UNIT_BASE + page * CACHE_PAGE_SIZE, data, 1,
                           &unit_error));
}

static struct cache_writer *begin(bool base) {
  const struct cache_write_options options = {base ? 0 : newest, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  return writer;
}

static void commit(struct cache_writer *writer) {
  struct cache_generation generation;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  newest = generation.number;
}

static void write_delta(size_t count) {
  static unsigned version = 1;
  struct cache_writer *writer = begin(false);
  version++;
  for (size_t i = 0; i < count; i++)
    put(writer, unit_random((unsigned)pages), version);
  commit(writer);
}

static bool merge_once(void) {
  const struct cache_merge_options options = {.level = 1};
  struct cache_merge_result result;
  take();
  CHECK_OK(cache_merge(cache, name, &options, &result, &unit_error));
  if (result.merged)
    printf("merging %u generations: %zu KiB, between checkpoints %zu KiB\n",
           result.generations, most >> 10, resident() >> 10);
  return result.merged;
}

/* As in rounds, while the program runs: some pages again and again. */
static size_t write_rounds(size_t count) {
  take();
  struct cache_writer *writer = begin(true);
  for (size_t i = 0; i < pages; i++)
    put(writer, i, 1);
  for (size_t i = 0; i < count; i++)
    put(writer, unit_random((unsigned)pages), 2);
  commit(writer);
  printf("writing %zu pages, %zu of them again: %zu KiB\n", pages, count,
         most >> 10);
  return take();
}

static int count_pages(uint64_t address, const void *data, size_t count,
                       void *context) {
  (void)address, (void)data;
  *(size_t *)context += count;
  return 0;
}

/* For its records; its pages are read all the same by who wants them then. */
static size_t open_records(void) {
  struct cache_range all = {UNIT_BASE, UNIT_BASE + pages * CACHE_PAGE_SIZE};
  struct cache_reader *reader;
  size_t seen = 0, before = resident();
  take();
  CHECK_OK(
      cache_reader_open_records(cache, name, newest, &reader, &unit_error));
  size_t opened = (resident() > most ? resident() : most) - before;
  printf("opening for the records: %zu KiB more\n", opened >> 10);
  CHECK_OK(cache_replay(reader, &all, 1, count_pages, &seen, &unit_error));
  CHECK(seen == pages);
  cache_reader_close(reader);
  take();
  return opened;
}

/* Those before the newest go, once that is seen to be whole. */
static size_t retain(void) {
  take();
  size_t before = resident();
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  printf("retaining: %zu KiB more\n", (most - before) >> 10);
  return take() - before;
}

/* Deltas of pages all over the program, until they are merged. */
static size_t merge(void) {
  do
    write_delta(pages / 40);
  while (!merge_once());
  return take();
}

/* As when somebody reads all the while: nothing is merged before. */
static size_t merge_chain(size_t chain) {
  for (size_t i = 0; i < chain; i++)
    write_delta(pages / 400);
  CHECK(merge_once());
  return take();
}

/* By a handle that knows nothing yet. */
static size_t recall(void) {
  take();
  struct cache_writer *writer = begin(false);
  printf("recalling: %zu KiB\n", most >> 10);
  size_t recalled = take();
  cache_abort(writer);
  return recalled;
}

#define MIB ((size_t)1 << 20)

int main(int argc, char **argv) {
  if (argc > 1)
    pages = strtoul(argv[1], NULL, 0);
  env = cache_env_kernel;
  env.map = map;
  env.unmap = unmap;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "memory", name, &unit_error));
  struct cache_writer *writer = begin(true);
  for (size_t i = 0; i < pages; i++)
    put(writer, i, 1);
  commit(writer);
  size_t written = take();
  printf("writing %zu pages: %zu KiB\n", pages, written >> 10);
  unit_seed(3);
  size_t in_rounds = write_rounds(pages * 2);
  size_t opened = open_records(), retaining = retain();
  size_t first = merge(), second = merge();
  size_t chain = argc > 2 ? strtoul(argv[2], NULL, 0) : 300;
  size_t of_chain = merge_chain(chain);
  cache_close(cache);
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  size_t recalled = recall();
  cache_close(cache);
  CHECK(resident() == 0);
  /* 16 bytes for each page that the generations have are 1.8 MiB. */
  CHECK(pages > 65536 || (first < 5 * MIB && second < 5 * MIB));
  CHECK(pages > 65536 || recalled < 2 * MIB);
  /* The hashes of all pages alone are 1 MiB. */
  CHECK(pages > 65536 || written < 3 * MIB + MIB / 2);
  /* 24 bytes for each time that a page is put are 3 MiB, and thrice that where
   * the list is put in order. */
  CHECK(pages > 65536 || in_rounds < written + 4 * MIB);
  /* Of 16 bytes for each run of pages none. */
  CHECK(pages > 65536 || (opened < MIB / 2 && retaining < MIB / 2));
  CHECK(pages > 65536 || of_chain < 5 * MIB + (chain << 14));
  return 0;
}
