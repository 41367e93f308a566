/* A plan is the chain resolved: its units hold every page once, of the newest
 * generation that has it; any thread may read any of them, into its own memory
 * or the caller's; and finding a page's unit agrees with reading it. Single
 * pages, read without a plan by a reader that has read no index but the newest,
 * are the same. */
// RUN: %unit/cache_plan
// RUN: env UNIT_KEY=1 %unit/cache_plan
// RUN: %unit/sanitized/cache_plan
#include "Inputs/unit.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PAGES = 4096, THREADS = 4 };

static struct model model = {.pages = PAGES};
static struct cache_plan *plan;
static unsigned char (*memory)[CACHE_PAGE_SIZE];
static _Atomic unsigned times[PAGES]; /* each page was handed out */
static unsigned unit_of[PAGES];
static _Atomic size_t next;
static bool in_place;

static size_t page_of(uint64_t address) {
  CHECK(address >= UNIT_BASE &&
        address < UNIT_BASE + (uint64_t)PAGES * CACHE_PAGE_SIZE);
  return (size_t)((address - UNIT_BASE) / CACHE_PAGE_SIZE);
}

static int take(uint64_t address, const void *data, size_t count,
                void *context) {
  const size_t *unit = context;
  for (size_t i = 0; i < count; i++) {
    size_t page = page_of(address) + i;
    atomic_fetch_add(&times[page], 1);
    unit_of[page] = (unsigned)*unit;
    memcpy(memory[page], (const char *)data + i * CACHE_PAGE_SIZE,
           CACHE_PAGE_SIZE);
  }
  return 0;
}

/* Every other frame, as far as it can be told by its first page. */
static void *target(uint64_t address, size_t count, void *context) {
  const size_t *unit = context;
  size_t first = page_of(address);
  if (!in_place || first / 64 % 2)
    return NULL;
  for (size_t i = 0; i < count; i++) {
    atomic_fetch_add(&times[first + i], 1);
    unit_of[first + i] = (unsigned)*unit;
  }
  return memory[first];
}

static void *work(void *worker) {
  struct hwckpt_error error;
  size_t unit;
  const struct cache_sink sink = {take, target, &unit, false};
  while ((unit = atomic_fetch_add(&next, 1)) < cache_plan_units(plan))
    if (cache_plan_read(worker, unit, &sink, &error) < 0) {
      unit_print(&error);
      unit_die(__FILE__, __LINE__, "cache_plan_read");
    }
  return NULL;
}

static void read_all(void) {
  pthread_t threads[THREADS];
  struct cache_worker *workers[THREADS];
  memset(memory, 0, (size_t)PAGES * CACHE_PAGE_SIZE);
  memset(times, 0, sizeof(times));
  next = 0;
  for (int i = 0; i < THREADS; i++)
    CHECK_OK(cache_worker_open(plan, &workers[i], &unit_error));
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, work, workers[i]) == 0);
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    cache_worker_close(workers[i]);
  }
}

static void compare(size_t first, size_t end) {
  unsigned char expected[CACHE_PAGE_SIZE];
  struct cache_range run = {0, 0};
  uint64_t pages = 0;
  for (size_t i = 0; i < PAGES; i++) {
    uint64_t address = UNIT_BASE + i * CACHE_PAGE_SIZE;
    bool held = i >= first && i < end && model.version[i] != 0 &&
                model.version[i] != UNIT_ZERO;
    CHECK(times[i] == held);
    size_t unit = cache_plan_find(plan, address);
    CHECK(unit == cache_plan_find(plan, address + CACHE_PAGE_SIZE - 1));
    CHECK(unit == (held ? unit_of[i] : CACHE_NO_UNIT));
    if (address == run.end || run.end == 0)
      CHECK(cache_plan_run(plan, address, &run) || !held);
    CHECK(held == (address >= run.begin && address < run.end));
    if (!held)
      continue;
    pages++;
    unit_fill(expected, address, model.version[i]);
    CHECK(!memcmp(memory[i], expected, CACHE_PAGE_SIZE));
  }
  CHECK(cache_plan_pages(plan) == pages);
  CHECK(cache_plan_find(plan, 0) == CACHE_NO_UNIT);
  CHECK(cache_plan_find(plan, UINT64_MAX) == CACHE_NO_UNIT);
}

static void check(struct cache *cache, const char *name, uint64_t number,
                  size_t first, size_t end, unsigned unit_frames) {
  struct cache_reader *reader;
  struct cache_range range = {UNIT_BASE + first * CACHE_PAGE_SIZE,
                              UNIT_BASE + end * CACHE_PAGE_SIZE};
  CHECK_OK(cache_reader_open(cache, name, number, &reader, &unit_error));
  CHECK_OK(cache_plan_make(reader, &range, 1, unit_frames, &plan, &unit_error));
  for (int i = 0; i < 2; i++) {
    in_place = i;
    read_all();
    compare(first, end);
  }
  cache_plan_close(plan);
  cache_reader_close(reader);
}

static int take_page(uint64_t address, const void *data, size_t count,
                     void *context) {
  CHECK(count == 1 && page_of(address) == *(size_t *)context);
  memcpy(memory[0], data, CACHE_PAGE_SIZE);
  return 0;
}

static void check_pages(struct cache *cache, const char *name,
                        uint64_t number) {
  unsigned char expected[CACHE_PAGE_SIZE];
  struct cache_reader *reader;
  struct cache_worker *worker;
  CHECK_OK(cache_reader_open_newest(cache, name, number, &reader, &unit_error));
  CHECK_OK(cache_worker_make(reader, &worker, &unit_error));
  for (size_t i = 0; i < PAGES; i += 1 + unit_random(3)) {
    const struct cache_sink sink = {take_page, NULL, &i, false};
    bool there;
    CHECK_OK(cache_page_read(worker, UNIT_BASE + i * CACHE_PAGE_SIZE, &sink,
                             &there, &unit_error));
    CHECK(there == (model.version[i] != 0 && model.version[i] != UNIT_ZERO));
    unit_fill(expected, UNIT_BASE + i * CACHE_PAGE_SIZE, model.version[i]);
    CHECK(!there || !memcmp(memory[0], expected, CACHE_PAGE_SIZE));
  }
  cache_worker_close(worker);
  CHECK_OK(cache_reader_load(reader, &unit_error));
  cache_reader_close(reader);
}

int main(void) {
  struct cache *cache;
  struct cache_writer *writer;
  char name[CACHE_NAME_MAX];
  memory = malloc((size_t)PAGES * CACHE_PAGE_SIZE);
  CHECK(memory);
  unit_seed(3);
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "plan", name, &unit_error));
  for (unsigned number = 1; number <= 4; number++) {
    struct cache_write_options options = {number - 1, number % 2 ? 1 : 0};
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    if (number == 1)
      CHECK_OK(unit_put(writer, &model, 5, 4000, number, &unit_error));
    if (number > 1)
      CHECK_OK(unit_put_hole(writer, &model, 700 * number, 50, &unit_error));
    for (unsigned i = 0; number > 1 && i < 60; i++) {
      size_t first = unit_random(4000);
      CHECK_OK(unit_put(writer, &model, first, 1 + unit_random(90), number,
                        &unit_error));
    }
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
  }
  check(cache, name, 4, 0, PAGES, CACHE_UNIT_FRAMES_MAX);
  check(cache, name, 4, 0, PAGES, 1);
  check(cache, name, 4, 0, PAGES, 0);
  check(cache, name, 4, 777, 3001, 3);
  check(cache, name, 4, 10, 10, 3);
  check_pages(cache, name, 4);
  cache_close(cache);
  free(memory);
  CHECK(unit_mapped() == 0);
  return 0;
}
