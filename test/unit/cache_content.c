/* Content that the cache has is not written again: pages put again unchanged,
 * pages that moved, equal pages, what a later handle, a forked child or a
 * restored program puts; not what was aborted, what was freed, what lies in a
 * generation's own file. It reads back as it was. */
// RUN: %unit/cache_content
// RUN: %unit/sanitized/cache_content
#include "Inputs/unit.h"

#include <sys/wait.h>
#include <unistd.h>

static struct cache *cache;
static char name[CACHE_NAME_MAX];
static uint64_t number;
static uint64_t written; /* bytes, by the newest generation */
static uint64_t same;

#define PAGES 2048u
static unsigned char memory[PAGES][CACHE_PAGE_SIZE];
static bool present[PAGES];

/* Content of its own for each page, that does not shrink. */
static void fill(size_t first, size_t count, unsigned version) {
  for (size_t i = first; i < first + count; i++) {
    uint64_t x = i * 1000003 + version * UINT64_C(7777777777) + 1;
    for (size_t j = 0; j < CACHE_PAGE_SIZE; j++) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      memory[i][j] = (unsigned char)x;
    }
    present[i] = true;
  }
}

static struct cache_writer *begin(uint64_t parent) {
  struct cache_write_options options = {parent, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  return writer;
}

static void put(struct cache_writer *writer, size_t first, size_t count) {
  CHECK_OK(cache_put_pages(writer, UNIT_BASE + first * CACHE_PAGE_SIZE,
                           memory[first], count, &unit_error));
}

static void commit(struct cache_writer *writer) {
  struct cache_generation generation;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  number = generation.number;
  written = generation.bytes;
  same = generation.same_pages;
  printf("generation %llu: %llu bytes, %llu pages known\n",
         (unsigned long long)number, (unsigned long long)written,
         (unsigned long long)same);
}

static void write_generation(uint64_t parent, size_t first, size_t count) {
  struct cache_writer *writer = begin(parent);
  put(writer, first, count);
  commit(writer);
}

static int compare(uint64_t address, const void *data, size_t count,
                   void *context) {
  size_t first = (size_t)((address - UNIT_BASE) / CACHE_PAGE_SIZE);
  CHECK(first + count <= PAGES);
  CHECK(memcmp(memory[first], data, count * CACHE_PAGE_SIZE) == 0);
  *(size_t *)context += count;
  return 0;
}

/* The half of the frames that can be is decoded in place. */
static unsigned char placed[PAGES][CACHE_PAGE_SIZE];
static size_t placed_pages;
static void *target(uint64_t address, size_t count, void *context) {
  (void)context;
  size_t first = (size_t)((address - UNIT_BASE) / CACHE_PAGE_SIZE);
  CHECK(first + count <= PAGES);
  if (first / 64 % 2)
    return NULL;
  placed_pages += count;
  return placed[first];
}

static void check(void) {
  struct cache_range all = {UNIT_BASE, UNIT_BASE + PAGES * CACHE_PAGE_SIZE};
  struct cache_reader *reader;
  size_t seen = 0, expected = 0;
  for (size_t i = 0; i < PAGES; i++)
    expected += present[i];
  CHECK_OK(cache_reader_open(cache, name, number, &reader, &unit_error));
  CHECK_OK(cache_replay(reader, &all, 1, compare, &seen, &unit_error));
  CHECK(seen == expected);

  struct cache_plan *plan;
  struct cache_worker *worker;
  struct cache_sink sink = {compare, target, &seen, false};
  seen = placed_pages = 0;
  memset(placed, 0, sizeof(placed));
  CHECK_OK(cache_plan_make(reader, &all, 1, 5, &plan, &unit_error));
  CHECK_OK(cache_worker_open(plan, &worker, &unit_error));
  for (size_t i = 0; i < cache_plan_units(plan); i++)
    CHECK_OK(cache_plan_read(worker, i, &sink, &unit_error));
  cache_worker_close(worker);
  cache_plan_close(plan);
  CHECK(seen + placed_pages == expected);
  for (size_t i = 0; i < PAGES; i++)
    CHECK(placed[i][0] + placed[i][1] + placed[i][2] == 0 ||
          memcmp(placed[i], memory[i], CACHE_PAGE_SIZE) == 0);
  cache_reader_close(reader);
  CHECK_OK(cache_verify(cache, name, number, &unit_error));
}

static void reopen(void) {
  cache_close(cache);
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  cache_set_segment_size(cache, 2 << 20);
}

static const uint64_t little = 64 << 10;

/* Of so many pages nearly all were known, and the rest was written: the table
 * has room for about what the program has. */
static bool nearly_all(uint64_t pages) {
  return same <= pages && same + pages / 8 >= pages &&
         written < (pages - same) * 4200 + little;
}

int main(void) {
  reopen();
  CHECK_OK(cache_new_application(cache, "content", name, &unit_error));
  fill(0, 1024, 1);
  write_generation(0, 0, 1024);
  CHECK(written > 4 << 20 && same == 0);
  check();

  /* Unchanged; then half of it, in pieces. */
  write_generation(1, 0, 1024);
  CHECK(written < little && same == 1024);
  check();
  for (size_t i = 0; i < 1024; i += 3)
    fill(i, 1, 2);
  write_generation(2, 0, 1024);
  CHECK(same <= 1024 - 342 && same >= 1024 - 342 - 80);
  check();

  /* Moved, and the same in many places. */
  memcpy(memory[1100], memory[100], sizeof(memory[0]) * 400);
  for (size_t i = 1100; i < 1500; i++)
    present[i] = true;
  for (size_t i = 1500; i < 2000; i++) {
    memcpy(memory[i], memory[7], sizeof(memory[0]));
    present[i] = true;
  }
  write_generation(3, 1100, 900);
  CHECK(nearly_all(900));
  check();
  struct cache_writer *writer = begin(4);
  fill(10, 1, 3);
  for (size_t i = 11; i < 40; i++)
    memcpy(memory[i], memory[10], sizeof(memory[0]));
  put(writer, 10, 30);
  commit(writer);
  CHECK(same == 29);
  check();

  /* A hole over pages that are put again, unchanged. */
  writer = begin(5);
  CHECK_OK(
      cache_put_hole(writer, UNIT_BASE, 64 * CACHE_PAGE_SIZE, &unit_error));
  put(writer, 20, 10);
  commit(writer);
  memset(present, 0, 20);
  memset(present + 30, 0, 34);
  check();

  /* A later handle, as that of a restored program, begins with a base. */
  reopen();
  memset(present, 0, sizeof(present));
  for (size_t i = 64; i < 2000; i++)
    present[i] = i < 1024 || i >= 1100;
  writer = begin(0);
  put(writer, 64, 960);
  put(writer, 1100, 900);
  commit(writer);
  CHECK(nearly_all(1860));
  check();

  /* What was aborted is not there. */
  fill(64, 300, 4);
  writer = begin(number);
  put(writer, 64, 300);
  cache_abort(writer);
  write_generation(number, 64, 300);
  CHECK(same == 0 && written > 300 * 4096);
  check();

  /* Nor what went with the generations it was in. */
  memset(present, 0, sizeof(present));
  fill(0, 512, 5);
  write_generation(0, 0, 512);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  check();
  fill(64, 300, 4);
  write_generation(number, 64, 300);
  CHECK(same == 0);
  check();
  /* What stays is known all the same. */
  write_generation(number, 0, 512);
  CHECK(nearly_all(512));
  check();

  /* Few pages lie in a generation's own file, to which no other refers. */
  fill(600, 8, 6);
  write_generation(number, 600, 8);
  write_generation(number, 600, 8);
  CHECK(same == 0 && written > 8 * 4096);
  check();

  /* Zero pages are absent, not content. */
  fill(640, 60, 8);
  memset(memory[650], 0, 40 * sizeof(memory[0]));
  memset(&present[650], 0, 40 * sizeof(present[0]));
  writer = begin(number);
  put(writer, 640, 60);
  struct cache_generation zeros;
  CHECK_OK(cache_commit(writer, &zeros, &unit_error));
  CHECK(zeros.zero_pages == 40 && zeros.put_pages == 60);
  CHECK(zeros.pages == 20 && zeros.same_pages == 0);
  number = zeros.number;
  check();

  /* A forked child shares what its parent wrote before. */
  fill(700, 300, 7);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    write_generation(number, 700, 300);
    CHECK(same == 0);
    write_generation(number, 0, 512);
    CHECK(nearly_all(512));
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  number += 2;
  write_generation(number, 700, 300);
  CHECK(nearly_all(300));
  check();

  /* What goes on from an older one refers to nothing that is only in newer
   * ones, which may be damaged; to nothing at all if that is asked for. */
  uint64_t older = number;
  fill(1000, 300, 9);
  write_generation(older, 1000, 300);
  reopen();
  cache_refer_to(cache, older);
  write_generation(older, 1000, 300);
  CHECK(same == 0);
  write_generation(older, 700, 300);
  CHECK(nearly_all(300));
  cache_refer_to(cache, CACHE_NOTHING);
  write_generation(0, 700, 300);
  CHECK(same == 0);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
