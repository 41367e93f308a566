/* Loss of power at every instant of a run: all input and output of the cache
 * goes to a file system in memory that records it. For every prefix of the
 * record, what a device may have kept is built again: all that was synced, and
 * of the rest nothing, all, any part in any order, a write torn between two
 * sectors (Inputs/crash_disk.h). In each such state every generation that
 * was committed reads back bit for bit, also one that is being merged; one that
 * was being committed reads back or is not there; and the cache can be written
 * to, merged and tidied. HWCKPT_STRESS=1: every part, and every border between
 * two sectors; a third of the prefixes here, the others in cache_crash_1.test
 * and cache_crash_2.test.
 */
// RUN: env CRASH_SHARE=0/3 %unit/cache_crash
#include "Inputs/crash_disk.h"

/* ---- the run ---- */

#define PAGES 800
#define LARGE 10    /* a generation of several writes at the same time */
#define SCATTERED 7 /* of more intervals than are kept in memory */
#define GENERATIONS 12
static char application[CACHE_NAME_MAX];
static struct model models[GENERATIONS + 2];
static size_t committed_at[GENERATIONS + 1]; /* operations by then; 0: never */
static size_t begun_at[GENERATIONS + 1];
static size_t retained_from;
static uint64_t removed_below; /* by the newest retention */
static size_t removed_from;

static void write_generation(struct cache *cache, uint64_t number,
                             uint64_t parent) {
  struct cache_write_options options = {
      parent, number == LARGE ? 0 : (int)(number % 2)};
  struct cache_writer *writer;
  struct model *model = &models[number];
  *model = models[parent];
  model->pages = PAGES;
  begun_at[number] = crash_recorded;
  CHECK_OK(cache_begin(cache, application, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == number);
  size_t count = number % 3 == 0 ? 5 : 100; /* in its own file, or not */
  CHECK_OK(unit_put(writer, model, number * 7 % 100, count, (unsigned)number,
                    &unit_error));
  if (number == LARGE)
    CHECK_OK(unit_put(writer, model, 256, PAGES - 256, LARGE, &unit_error));
  for (size_t i = 1; number == SCATTERED && i < PAGES; i += 2)
    CHECK_OK(unit_put(writer, model, i, 1, SCATTERED, &unit_error));
  /* Some of it again as it was. */
  CHECK_OK(unit_put(writer, model, 200, 50, 77, &unit_error));
  CHECK_OK(cache_put_record(writer, 1, "record", 6, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  committed_at[number] = crash_recorded;
}

static struct cache *open_cache(void) {
  struct cache *cache;
  CHECK_OK(cache_open(&crash_env, "cache", true, &cache, &unit_error));
  cache_set_segment_size(cache, 3 << 20);
  return cache;
}

static void run(void) {
  static const uint64_t parents[GENERATIONS + 1] = {0, 0, 1, 2, 0, 4,
                                                    5, 6, 7, 8, 9};
  unsigned count;
  bool merged;
  crash_begin(); /* of the cache, and of the application's key */
  struct cache *cache = open_cache();
  CHECK_OK(cache_new_application(cache, "p", application, &unit_error));
  for (uint64_t number = 1; number <= 4; number++)
    write_generation(cache, number, parents[number]);
  cache_close(cache); /* killed, or ended; another goes on */
  cache = open_cache();
  CHECK_OK(cache_count_restore(cache, application, 4, &count, &unit_error));
  write_generation(cache, 5, parents[5]);
  retained_from = crash_recorded;
  CHECK_OK(unit_retain(cache, application, 1, &unit_error));
  for (uint64_t number = 6; number <= 7; number++)
    write_generation(cache, number, parents[number]);
  /* Generations of segments, of their own files, and what was merged before. */
  CHECK_OK(unit_merge(cache, application, &merged, &unit_error));
  CHECK(merged);
  write_generation(cache, 8, parents[8]);
  write_generation(cache, 9, parents[9]);
  CHECK_OK(unit_merge(cache, application, &merged, &unit_error));
  CHECK(merged);
  removed_below = 9;
  removed_from = crash_recorded;
  CHECK_OK(unit_retain(cache, application, 1, &unit_error));
  write_generation(cache, 10, parents[10]);
  crash_end();
  cache_close(cache);
}

/* ---- after the loss ---- */

static unsigned long states;
static size_t lost_at;

/* Was, or may have been, removed. */
static bool is_removed(uint64_t number) {
  return (number < 4 && lost_at > retained_from) ||
         (number < removed_below && lost_at > removed_from);
}

static int see(const struct cache_generation *generation, int damage,
               void *context) {
  /* Where names are not removed in order, a delta may outlive its base. */
  CHECK(damage == 0 ||
        (damage == HWCKPT_E_CHAIN_BROKEN && is_removed(generation->number)));
  ((bool *)context)[generation->number] = damage == 0;
  return 0;
}

static void check(size_t end) {
  struct cache *cache = open_cache();
  bool there[GENERATIONS + 2] = {false};
  states++;
  lost_at = end;
  int result =
      cache_each_generation(cache, application, see, there, &unit_error);
  CHECK(result == 0 ||
        (result == -HWCKPT_E_NO_APPLICATION && committed_at[1] > end));
  uint64_t newest = 0;
  for (uint64_t number = 1; number <= GENERATIONS; number++) {
    bool committed = committed_at[number] && committed_at[number] <= end;
    bool begun = committed_at[number] && begun_at[number] < end;
    CHECK(!there[number] || begun);
    CHECK(there[number] || !committed || is_removed(number));
    if (there[number]) {
      CHECK_OK(unit_compare(cache, application, number, &models[number],
                            &unit_error));
      CHECK_OK(cache_verify(cache, application, number, &unit_error));
      newest = number;
    }
  }
  struct model before = models[newest + 1];
  size_t kept = committed_at[newest + 1], kept_begun = begun_at[newest + 1];
  CHECK_OK(cache_use_application(cache, application, &unit_error));
  write_generation(cache, newest + 1, newest);
  CHECK_OK(unit_compare(cache, application, newest + 1, &models[newest + 1],
                        &unit_error));
  bool merged;
  CHECK_OK(unit_merge(cache, application, &merged, &unit_error));
  CHECK(merged || newest == 0);
  CHECK_OK(unit_retain(cache, application, 1, &unit_error));
  CHECK_OK(unit_compare(cache, application, newest + 1, &models[newest + 1],
                        &unit_error));
  models[newest + 1] = before;
  committed_at[newest + 1] = kept;
  begun_at[newest + 1] = kept_begun;
  cache_close(cache);
  CHECK(crash_mapped == 0);
}

int main(void) {
  run();
  struct crash_counts counts = crash_each(crash_effort(), check);
  printf("%zu operations, %lu states, %lu of them torn; %lu of %lu windows "
         "whole, most %u\n",
         crash_recorded, counts.states, counts.torn, counts.whole,
         counts.windows, counts.most);
  CHECK(crash_recorded > 60 && counts.states > 400);
  /* What has no room in memory was there when the power went. */
  bool sealed = getenv("UNIT_KEY") != NULL;
  CHECK((crash_made("hashes.tmp") > 0) == !sealed &&
        (crash_made("extents.tmp") > 0) == !sealed);
  CHECK(crash_effort()->torn == 0 || counts.whole == counts.windows);
  return 0;
}
