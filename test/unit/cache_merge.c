/* Merging: the newest generation becomes a base that says the same, under its
 * number and identity, and refers to the frames that are there; only what lies
 * in generations' own files, or in frames that are nearly empty, is copied.
 * Older generations stay as they were, newer ones build on it. */
// RUN: %unit/cache_merge
// RUN: env UNIT_KEY=1 %unit/cache_merge
// RUN: %unit/sanitized/cache_merge
#include "Inputs/unit.h"

#include <unistd.h>

static struct cache *cache;
static char name[CACHE_NAME_MAX];
#define KEPT 64
static struct model models[KEPT];
static struct model model = {.pages = 4096};
static uint64_t newest;
static int level = 1;

static void open_cache(void) {
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  cache_set_segment_size(cache, 4 << 20);
}

static void new_application(void) {
  CHECK_OK(cache_new_application(cache, "merge", name, &unit_error));
  memset(model.version, 0, sizeof(model.version));
  newest = 0;
}

static struct cache_writer *begin(bool base) {
  struct cache_write_options options = {base ? 0 : newest, level};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  if (base)
    memset(model.version, 0, sizeof(model.version));
  return writer;
}

static void put(struct cache_writer *writer, size_t first, size_t count,
                unsigned version) {
  CHECK_OK(unit_put(writer, &model, first, count, version, &unit_error));
}

static struct cache_generation commit(struct cache_writer *writer) {
  struct cache_generation generation;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  newest = generation.number;
  if (newest < KEPT)
    models[newest] = model;
  return generation;
}

static void check_all(uint64_t from) {
  for (uint64_t number = from; number <= newest; number++) {
    CHECK_OK(unit_compare(cache, name, number, &models[number], &unit_error));
    CHECK_OK(cache_verify(cache, name, number, &unit_error));
  }
}

static unsigned chain_of(uint64_t number) {
  struct cache_reader *reader;
  CHECK_OK(cache_reader_open(cache, name, number, &reader, &unit_error));
  unsigned chain = cache_reader_chain(reader);
  cache_reader_close(reader);
  return chain;
}

static struct cache_merge_result merge(bool always,
                                       bool (*go_on)(void *context)) {
  const struct cache_merge_options options = {
      .level = level, .always = always, .go_on = go_on};
  struct cache_merge_result result;
  CHECK_OK(cache_merge(cache, name, &options, &result, &unit_error));
  return result;
}

/* ---- what it says ---- */

static void describe(uint64_t number, struct cache_generation *generation) {
  struct cache_reader *reader;
  uint32_t type;
  const void *data;
  size_t length;
  CHECK_OK(cache_reader_open(cache, name, number, &reader, &unit_error));
  *generation = *cache_reader_generation(reader);
  CHECK(cache_reader_record(reader, 0, &type, &data, &length));
  CHECK(type == 3 && length == 7 && memcmp(data, "records", 7) == 0);
  cache_reader_close(reader);
}

static void says_the_same(void) {
  struct cache_generation before, after;
  unsigned count;
  new_application();
  CHECK(!merge(true, NULL).merged); /* nothing there yet */
  struct cache_writer *writer = begin(true);
  put(writer, 0, 300, 1);
  commit(writer);
  CHECK(!merge(true, NULL).merged); /* it stands alone */
  writer = begin(false);
  put(writer, 100, 200, 2); /* to a segment */
  CHECK_OK(unit_put_hole(writer, &model, 10, 20, &unit_error));
  commit(writer);
  writer = begin(false);
  put(writer, 150, 5, 3); /* in its own file */
  put(writer, 12, 2, 3);  /* in the hole */
  put(writer, 200, 3, UNIT_ZERO);
  /* One content at three addresses. */
  char same[CACHE_PAGE_SIZE];
  unit_fill(same, UNIT_BASE + 400 * CACHE_PAGE_SIZE, 5);
  for (unsigned i = 0; i < 3; i++)
    CHECK_OK(cache_put_pages(writer, UNIT_BASE + (5000 + i) * CACHE_PAGE_SIZE,
                             same, 1, &unit_error));
  CHECK_OK(cache_put_record(writer, 3, "records", 7, &unit_error));
  commit(writer);
  CHECK_OK(cache_count_restore(cache, name, newest, &count, &unit_error));
  describe(newest, &before);
  CHECK(chain_of(newest) == 3);
  CHECK(!merge(false, NULL).merged); /* not due */

  struct cache_merge_result result = merge(true, NULL);
  CHECK(result.merged && result.generations == 3);
  /* The pages that were in files, no others: frames are full enough. */
  CHECK(result.copied_pages == 7 + 1);
  CHECK(chain_of(newest) == 1);
  describe(newest, &after);
  CHECK(after.number == before.number && after.parent == 0);
  CHECK(after.commit_ns == before.commit_ns);
  CHECK(after.restores == 1 && after.merged == 2);
  CHECK(after.pages == 300 - 20 + 2 - 3 + 3);
  CHECK(after.put_pages == before.put_pages);
  CHECK(after.same_pages == before.same_pages);
  CHECK(after.total_put == before.total_put);
  CHECK(after.total_written > before.total_written);
  check_all(1);
  CHECK(!merge(true, NULL).merged);

  /* What comes next builds on it. */
  writer = begin(false);
  put(writer, 0, 1, 4);
  commit(writer);
  CHECK(chain_of(newest) == 2);
  check_all(1);
}

/* ---- when it is due ---- */

static void when_due(void) {
  new_application();
  struct cache_writer *writer = begin(true);
  put(writer, 0, 2048, 1);
  commit(writer);
  /* By the length of the chain. */
  for (unsigned i = 1; i < 32; i++) {
    CHECK(!merge(false, NULL).merged);
    writer = begin(false);
    put(writer, i, 2, 1 + i);
    commit(writer);
  }
  CHECK(!merge(false, NULL).merged);
  writer = begin(false);
  put(writer, 40, 2, 40);
  commit(writer);
  CHECK(chain_of(newest) == 33);
  CHECK(merge(false, NULL).merged);
  CHECK(chain_of(newest) == 1);
  check_all(1);
  /* By what a restore would read. */
  unsigned deltas = 0;
  do {
    writer = begin(false);
    for (unsigned i = 0; i < 8; i++)
      put(writer, i * 256 + deltas * 64 % 256, 64, 100 + deltas);
    commit(writer);
    deltas++;
  } while (!merge(false, NULL).merged);
  CHECK(deltas > 2 && deltas < 10);
  check_all(33);
}

/* ---- nearly empty frames ---- */

static uint64_t bytes_read;
static long io_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  long got = cache_io_kernel.pread(fd, buffer, length, offset);
  bytes_read += got > 0 ? (uint64_t)got : 0;
  return got;
}

static int count_pages(uint64_t address, const void *data, size_t count,
                       void *context) {
  (void)address;
  (void)data;
  *(uint64_t *)context += count;
  return 0;
}

/* Random writes: what a restore reads stays within the bound of so many percent
 * more. *written: what is, merges included, for what was put. */
static void stays_bounded(unsigned percent, double *written) {
  static struct cache_io io;
  static struct cache_env env;
  struct cache *counted;
  io = cache_io_kernel;
  io.pread = io_pread;
  env = unit_env;
  env.io = &io;
  level = 0; /* bytes on flash are those of the pages */
  new_application();
  struct cache_writer *writer = begin(true);
  put(writer, 0, 4096, 1);
  commit(writer);
  unit_seed(7);
  unsigned merges = 0;
  uint64_t most = 0;
  struct cache_generation last = {0};
  for (unsigned i = 0; i < 80; i++) {
    writer = begin(false);
    for (unsigned j = 0; j < 300; j++)
      put(writer, unit_random(4096), 1, 2 + i);
    last = commit(writer);
    struct cache_merge_options options = {.level = level,
                                          .extra_reads = percent};
    struct cache_merge_result result;
    CHECK_OK(cache_merge(cache, name, &options, &result, &unit_error));
    bool merged = result.merged;
    merges += merged;
    if (merged)
      CHECK_OK(unit_retain(cache, name, 1, &unit_error));
    if (i % 8 == 0) {
      CHECK_OK(
          cache_open(&env, unit_path("cache"), true, &counted, &unit_error));
      struct cache_range all = {0, UINT64_MAX & ~UINT64_C(4095)};
      struct cache_reader *reader;
      uint64_t pages = 0;
      bytes_read = 0;
      CHECK_OK(cache_reader_open(counted, name, newest, &reader, &unit_error));
      CHECK_OK(cache_replay(reader, &all, 1, count_pages, &pages, &unit_error));
      cache_reader_close(reader);
      cache_close(counted);
      CHECK(pages == 4096);
      most = bytes_read > most ? bytes_read : most;
      CHECK_OK(unit_compare(cache, name, newest, &model, &unit_error));
    }
  }
  uint64_t image = 4096 * CACHE_PAGE_SIZE;
  uint64_t bound = image +
                   image * (percent ? percent : CACHE_EXTRA_READS) / 100 +
                   (8 << 20) + (1 << 20);
  printf("%u merges; a restore reads at most %llu KiB for %llu; written %llu "
         "KiB for %llu put\n",
         merges, (unsigned long long)most >> 10,
         (unsigned long long)image >> 10,
         (unsigned long long)last.total_written >> 10,
         (unsigned long long)last.total_put >> 10);
  CHECK(merges >= 4 && most <= bound);
  *written = (double)last.total_written / (double)last.total_put;
  level = 1;
}

/* ---- time ---- */

static unsigned steps;
static bool some_steps(void *context) {
  (void)context;
  return steps && --steps;
}

static void is_interrupted(void) {
  new_application();
  struct cache_writer *writer = begin(true);
  put(writer, 0, 2048, 1);
  commit(writer);
  unit_seed(9);
  for (unsigned i = 0; i < 3; i++) {
    writer = begin(false);
    for (unsigned j = 0; j < 1200; j++)
      put(writer, unit_random(2048), 1, 2 + i);
    commit(writer);
  }
  /* Not even time to look. */
  steps = 1;
  CHECK(!merge(true, some_steps).merged);
  CHECK(chain_of(newest) == 4);
  /* Time for some of the frames only: the rest stays where it is. */
  steps = 4 + 4 + 3 + 1;
  struct cache_merge_result result = merge(true, some_steps);
  CHECK(result.merged && chain_of(newest) == 1);
  uint64_t some = result.copied_pages;
  CHECK(some > 0);
  check_all(1);
  /* What is left is due soon. */
  result = merge(true, NULL);
  CHECK(result.merged && result.copied_pages > some);
  check_all(1);
  /* What is too long, or of which too much would be read, is merged without
   * asking. */
  for (unsigned i = 0; i < 70; i++) {
    writer = begin(false);
    put(writer, i, 1, 50 + i);
    commit(writer);
    steps = 0;
    if (merge(false, some_steps).merged)
      break;
  }
  CHECK(chain_of(newest) == 1 && newest > 20);
  CHECK_OK(unit_compare(cache, name, newest, &model, &unit_error));
}

/* A restore that begins while there is a merge. */
static struct cache_reader *came;
static bool let_come(void *context) {
  (void)context;
  if (!came)
    CHECK_OK(cache_reader_open(cache, name, newest, &came, &unit_error));
  return true;
}

static void waits_for_others(void) {
  new_application();
  commit(begin(true));
  struct cache_writer *writer = begin(false);
  put(writer, 0, 100, 1);
  commit(writer);
  struct cache_reader *reader;
  CHECK_OK(cache_reader_open(cache, name, newest, &reader, &unit_error));
  CHECK(!merge(true, NULL).merged);
  CHECK(chain_of(newest) == 2);
  cache_reader_close(reader);
  /* Also for one that came meanwhile: all of it is taken back. */
  CHECK(!merge(true, let_come).merged);
  CHECK(came && chain_of(newest) == 2);
  cache_reader_close(came);
  /* So it does for another writer. */
  const struct cache_merge_options options = {.level = 1, .always = true};
  struct cache_merge_result result;
  struct cache *other = cache;
  writer = begin(false);
  open_cache();
  CHECK_ERROR(cache_merge(cache, name, &options, &result, &unit_error),
              CACHE_BUSY);
  cache_close(cache);
  cache = other;
  cache_abort(writer);
  CHECK(merge(true, NULL).merged);
  check_all(1);
}

/* ---- what else there is ---- */

/* Content is known also from generations that were merged and are gone. */
static void knows_content(void) {
  new_application();
  struct cache_writer *writer = begin(true);
  put(writer, 0, 256, 1);
  commit(writer);
  writer = begin(false);
  put(writer, 256, 256, 2);
  commit(writer);
  CHECK(merge(true, NULL).merged);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK_ERROR(unit_compare(cache, name, 1, &models[1], &unit_error),
              NO_GENERATION);
  cache_close(cache); /* the next handle reads back what there is */
  open_cache();
  writer = begin(true);
  put(writer, 0, 256, 1);
  put(writer, 256, 256, 2);
  struct cache_generation generation = commit(writer);
  CHECK(generation.same_pages > 490); /* the odd one is forgotten */
  CHECK_OK(unit_compare(cache, name, newest, &model, &unit_error));
}

/* Another handle merges: this one begins a segment of its own. */
static void two_handles(void) {
  struct cache *other = cache;
  new_application();
  struct cache_writer *writer = begin(true);
  put(writer, 0, 256, 1);
  commit(writer);
  writer = begin(false);
  put(writer, 0, 100, 2);
  commit(writer);
  open_cache();
  CHECK(merge(true, NULL).merged);
  cache_close(cache);
  cache = other;
  writer = begin(false);
  put(writer, 20, 100, 3);
  commit(writer);
  check_all(1);
}

/* What is damaged is not carried on: nothing is replaced, and what is written
 * next refers to nothing of it. */
static void meets_damage(void) {
  char below[CACHE_NAME_MAX + 64];
  unsigned char *bytes;
  new_application();
  struct cache_writer *writer = begin(true);
  put(writer, 0, 2048, 1);
  commit(writer);
  for (unsigned i = 0; i < 2; i++) { /* of the first frames a page is left */
    writer = begin(false);
    for (unsigned j = 0; j < 2048; j++)
      if (j % 64 > i)
        put(writer, j, 1, 2 + i);
    commit(writer);
  }
  snprintf(below, sizeof(below), "cache/%s/s0000000001.seg", name);
  size_t length = unit_read_file(unit_path(below), &bytes);
  memset(bytes + 4096, 0x55, 64 << 10);
  unit_write_file(unit_path(below), bytes, length);
  free(bytes);
  const struct cache_merge_options options = {.level = 1, .always = true};
  struct cache_merge_result result;
  CHECK_ERROR(cache_merge(cache, name, &options, &result, &unit_error),
              CACHE_DAMAGED);
  CHECK(strstr(unit_error.object, "/s0000000001.seg"));
  CHECK(strstr(unit_error.detail, "at byte 4096"));
  CHECK(!result.merged && chain_of(newest) == 3);
  writer = begin(true);
  put(writer, 0, 2048, 1);
  commit(writer);
  CHECK_OK(unit_compare(cache, name, newest, &model, &unit_error));
}

int main(void) {
  int descriptors = unit_descriptors();
  open_cache();
  says_the_same();
  when_due();
  double usual, least, much;
  stays_bounded(0, &usual);
  stays_bounded(1, &least);
  stays_bounded(100, &much);
  CHECK(usual < 2 && least > usual && usual > much);
  is_interrupted();
  waits_for_others();
  knows_content();
  two_handles();
  meets_damage();
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  CHECK(unit_descriptors() == descriptors);
  return 0;
}
