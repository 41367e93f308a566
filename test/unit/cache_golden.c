/* The caches in test/cache/Inputs, one a version of the format, written by the
 * hwckpt of its time, are read as they were meant. `cache_golden write DIR`
 * made them; Inputs/unit.c's unit_fill() must therefore stay as it is.
 */
// RUN: %unit/cache_golden %src/test/cache/Inputs/v1 2
// RUN: %unit/cache_golden %src/test/cache/Inputs/v2 3
// RUN: %unit/sanitized/cache_golden %src/test/cache/Inputs/v1 2
// RUN: %unit/sanitized/cache_golden %src/test/cache/Inputs/v2 3
#include "Inputs/unit.h"

#include <sys/stat.h>

#include <unistd.h>

static struct model models[4];
static uint64_t generations;
static const char *const name = "golden";

static void put_all(struct cache_writer *writer, uint64_t number) {
  struct model *model = &models[number];
  if (number == 1) {
    model->pages = 128;
    CHECK_OK(unit_put(writer, model, 0, 5, 1, &unit_error));
    CHECK_OK(unit_put(writer, model, 100, 2, 1, &unit_error));
    CHECK_OK(cache_put_record(writer, 1, "first", 5, &unit_error));
    return;
  }
  *model = models[number - 1];
  if (number == 3) { /* enough for a segment */
    CHECK_OK(unit_put(writer, model, 50, 40, 3, &unit_error));
    CHECK_OK(unit_put(writer, model, 4, 1, 3, &unit_error));
    return;
  }
  CHECK_OK(unit_put_hole(writer, model, 101, 20, &unit_error));
  CHECK_OK(unit_put(writer, model, 2, 1, UNIT_ZERO, &unit_error));
  CHECK_OK(unit_put(writer, model, 3, 3, 2, &unit_error));
  CHECK_OK(unit_put(writer, model, 110, 1, 2, &unit_error));
  CHECK_OK(cache_put_record(writer, 2, "second", 6, &unit_error));
  CHECK_OK(cache_put_record(writer, 3, "", 0, &unit_error));
}

static void write_all(const char *path) {
  struct cache *cache;
  unsigned count;
  CHECK_OK(cache_open(&unit_env, path, true, &cache, &unit_error));
  CHECK_OK(cache_use_application(cache, name, &unit_error));
  for (uint64_t number = 1; number <= generations; number++) {
    struct cache_write_options options = {number - 1, number % 2 ? 0 : 1};
    struct cache_writer *writer;
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    put_all(writer, number);
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
  }
  for (int i = 0; i < 3; i++)
    CHECK_OK(cache_count_restore(cache, name, 2, &count, &unit_error));
  cache_close(cache);
}

/* A copy of our own: a checkout may have other modes and another owner. */
static void copy(const char *from) {
  static const char *const files[] = {"hwckpt-cache",
                                      "golden/g0000000001.ckpt",
                                      "golden/g0000000002.ckpt",
                                      "golden/g0000000002.restores",
                                      "golden/g0000000003.ckpt",
                                      "golden/s0000000001.seg"};
  CHECK(mkdir(unit_path("cache"), 0700) == 0);
  CHECK(mkdir(unit_path("cache/golden"), 0700) == 0);
  for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
    char source[4096], target[256];
    unsigned char *bytes;
    snprintf(source, sizeof(source), "%s/%s", from, files[i]);
    snprintf(target, sizeof(target), "cache/%s", files[i]);
    if (i >= 4 && access(source, F_OK) != 0)
      continue; /* of a version that had none */
    size_t length = unit_read_file(source, &bytes);
    unit_write_file(unit_path(target), bytes, length);
    free(bytes);
  }
}

static void check_record(const struct cache_reader *reader, size_t i,
                         uint32_t type, const char *text) {
  uint32_t found;
  const void *data;
  size_t length;
  CHECK(cache_reader_record(reader, i, &found, &data, &length));
  CHECK(found == type && length == strlen(text));
  CHECK(memcmp(data, text, length) == 0);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "write") == 0) {
    generations = 3;
    write_all(argv[2]);
    return 0;
  }
  CHECK(argc == 3);
  generations = strtoul(argv[2], NULL, 10);
  /* The models are made by putting the same into a cache that is thrown away.
   */
  write_all(unit_path("models"));
  copy(argv[1]);
  struct cache *cache;
  struct cache_reader *reader;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), false, &cache, &unit_error));
  for (uint64_t number = 1; number <= generations; number++) {
    CHECK_OK(cache_verify(cache, name, number, &unit_error));
    CHECK_OK(unit_compare(cache, name, number, &models[number], &unit_error));
  }
  CHECK_OK(cache_reader_open(cache, name, 2, &reader, &unit_error));
  CHECK(cache_reader_generation(reader)->restores == 3);
  CHECK(cache_reader_generation(reader)->parent == 1);
  CHECK(cache_reader_generation(reader)->commit_ns > 1000000000000000000u);
  check_record(reader, 0, 2, "second");
  check_record(reader, 1, 3, "");
  cache_reader_close(reader);
  /* And it can be built on. */
  struct cache_write_options options = {generations, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  models[0] = models[generations];
  CHECK_OK(unit_put(writer, &models[0], 20, 2, 9, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  CHECK_OK(unit_compare(cache, name, generations + 1, &models[0], &unit_error));
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
