/* The caches in test/cache/Inputs, of each version of the format, written by
 * the hwckpt of its time, are read as they were meant, can be built on and be
 * merged. `cache_golden write DIR GENERATIONS` made them; Inputs/unit.c's
 * unit_fill() must therefore stay as it is. In v2-merged generation 4 was
 * merged with those before it, and 4 and 5 refer to frames that others wrote;
 * v3-encrypted is the same with the key of unit.c. In v4-parts (`write DIR 3
 * part`) a part refers to frames of the application; in v3-parts it has a log
 * of its own; v4-encrypted is v4-parts with the key. v2-parts (`write DIR
 * 5 part`) is of the first commit that knew of parts, before relatives, with
 * segments of 128 KiB: the part's own log has two.
 */
// RUN: %unit/cache_golden %src/test/cache/Inputs/v1 2
// RUN: %unit/cache_golden %src/test/cache/Inputs/v2 3
// RUN: %unit/cache_golden %src/test/cache/Inputs/v2-merged 5
// RUN: %unit/cache_golden %src/test/cache/Inputs/v2-parts 5 part
// RUN: env UNIT_KEY=1 %unit/cache_golden %src/test/cache/Inputs/v3-encrypted 5
// RUN: %unit/cache_golden %src/test/cache/Inputs/v3-parts 3 part
// RUN: %unit/cache_golden %src/test/cache/Inputs/v4-parts 3 part
// RUN: env UNIT_KEY=1 %unit/cache_golden %src/test/cache/Inputs/v4-encrypted 3 part
// RUN: %unit/sanitized/cache_golden %src/test/cache/Inputs/v2-parts 5 part
// RUN: %unit/sanitized/cache_golden %src/test/cache/Inputs/v3-parts 3 part
// RUN: %unit/sanitized/cache_golden %src/test/cache/Inputs/v4-parts 3 part
// RUN: %unit/sanitized/cache_golden %src/test/cache/Inputs/v1 2
// RUN: %unit/sanitized/cache_golden %src/test/cache/Inputs/v2 3
// RUN: %unit/sanitized/cache_golden %src/test/cache/Inputs/v2-merged 5
// RUN: env UNIT_KEY=1 %unit/sanitized/cache_golden %src/test/cache/Inputs/v3-encrypted 5
#include "Inputs/unit.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#define GENERATIONS_MAX 5
static struct model models[GENERATIONS_MAX + 1];
static uint64_t generations;
static const char *const name = "golden";
static const char *const part = "golden/m7-0000002a";
static struct model part_models[3];
static bool with_part;

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
  if (number == 4) { /* some of it is there already */
    CHECK_OK(unit_put(writer, model, 50, 20, 3, &unit_error));
    CHECK_OK(unit_put(writer, model, 120, 4, 4, &unit_error));
    CHECK_OK(unit_put_hole(writer, model, 80, 2, &unit_error));
    CHECK_OK(cache_put_record(writer, 4, "fourth", 6, &unit_error));
    return;
  }
  if (number == 5) {
    CHECK_OK(unit_put(writer, model, 70, 8, 3, &unit_error));
    CHECK_OK(unit_put(writer, model, 121, 1, UNIT_ZERO, &unit_error));
    return;
  }
  CHECK_OK(unit_put_hole(writer, model, 101, 20, &unit_error));
  CHECK_OK(unit_put(writer, model, 2, 1, UNIT_ZERO, &unit_error));
  CHECK_OK(unit_put(writer, model, 3, 3, 2, &unit_error));
  CHECK_OK(unit_put(writer, model, 110, 1, 2, &unit_error));
  CHECK_OK(cache_put_record(writer, 2, "second", 6, &unit_error));
  CHECK_OK(cache_put_record(writer, 3, "", 0, &unit_error));
}

static void put_part(struct cache_writer *writer, uint64_t number) {
  struct model *model = &part_models[number];
  *model = number == 1 ? models[3] : part_models[1];
  if (number == 1) {
    for (size_t i = 0; i < model->pages; i++)
      if (model->version[i] && model->version[i] != UNIT_ZERO)
        CHECK_OK(unit_put(writer, model, i, 1, model->version[i], &unit_error));
    model->pages = 300;
    CHECK_OK(unit_put(writer, model, 200, 70, 7, &unit_error));
    CHECK_OK(cache_put_record(writer, 5, "part", 4, &unit_error));
    return;
  }
  CHECK_OK(unit_put(writer, model, 60, 3, 8, &unit_error));
  CHECK_OK(unit_put_hole(writer, model, 210, 5, &unit_error));
}

static void write_part(const char *path) {
  struct cache *cache;
  CHECK_OK(cache_open(&unit_env, path, true, &cache, &unit_error));
  struct cache_relatives relatives = {0};
  snprintf(relatives.names[0], sizeof(relatives.names[0]), "%s", name);
  CHECK_OK(cache_use_application(cache, part, &unit_error));
  cache_set_relatives(cache, &relatives);
  for (uint64_t number = 1; number <= 2; number++) {
    struct cache_write_options options = {number - 1, number % 2 ? 0 : 1};
    struct cache_generation generation;
    struct cache_writer *writer;
    CHECK_OK(cache_begin(cache, part, &options, &writer, &unit_error));
    put_part(writer, number);
    CHECK_OK(cache_commit(writer, &generation, &unit_error));
    CHECK((generation.same_pages > 0) == (number == 1));
  }
  cache_close(cache);
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
    bool merged = number != 4;
    if (number == 4)
      CHECK_OK(unit_merge(cache, name, &merged, &unit_error));
    CHECK(merged);
  }
  for (int i = 0; i < 3; i++)
    CHECK_OK(cache_count_restore(cache, name, 2, &count, &unit_error));
  cache_close(cache);
  if (with_part)
    write_part(path);
}

static void copy_file(const char *from, const char *file) {
  char source[4500], target[400];
  unsigned char *bytes;
  snprintf(source, sizeof(source), "%s/%s", from, file);
  snprintf(target, sizeof(target), "cache/%s", file);
  size_t length = unit_read_file(source, &bytes);
  unit_write_file(unit_path(target), bytes, length);
  free(bytes);
}

/* A copy of our own: a checkout may have other modes and another owner. */
static void copy_folder(const char *from, const char *name_of) {
  char folder[4096], made[300];
  snprintf(made, sizeof(made), "cache/%s", name_of);
  CHECK(mkdir(unit_path(made), 0700) == 0);
  snprintf(folder, sizeof(folder), "%s/%s", from, name_of);
  DIR *directory = opendir(folder);
  CHECK(directory);
  for (struct dirent *entry; (entry = readdir(directory));) {
    char below[600];
    snprintf(below, sizeof(below), "%s/%s", name_of, entry->d_name);
    if (entry->d_name[0] != '.' && entry->d_type != DT_DIR)
      copy_file(from, below);
  }
  closedir(directory);
}

static void copy(const char *from) {
  CHECK(mkdir(unit_path("cache"), 0700) == 0);
  copy_file(from, "hwckpt-cache");
  copy_folder(from, name);
  if (with_part)
    copy_folder(from, part);
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

static void check_part(struct cache *cache) {
  bool merged;
  for (uint64_t number = 1; number <= 2; number++) {
    CHECK_OK(cache_verify(cache, part, number, &unit_error));
    CHECK_OK(
        unit_compare(cache, part, number, &part_models[number], &unit_error));
  }
  CHECK_OK(unit_merge(cache, part, &merged, &unit_error));
  CHECK(merged);
  CHECK_OK(unit_compare(cache, part, 2, &part_models[2], &unit_error));
}

int main(int argc, char **argv) {
  with_part = argc > 3 && strcmp(argv[argc - 1], "part") == 0;
  argc -= with_part;
  CHECK(argc >= 3);
  generations = strtoul(argv[argc - 1], NULL, 10);
  CHECK(generations > 0 && generations <= GENERATIONS_MAX);
  if (argc == 4 && strcmp(argv[1], "write") == 0) {
    write_all(argv[2]);
    return 0;
  }
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
  /* And merged, whatever its parts were written in. */
  bool merged;
  CHECK_OK(unit_merge(cache, name, &merged, &unit_error));
  CHECK(merged);
  CHECK_OK(unit_compare(cache, name, generations + 1, &models[0], &unit_error));
  CHECK_OK(cache_verify(cache, name, generations + 1, &unit_error));
  if (with_part)
    check_part(cache);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
