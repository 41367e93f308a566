/* Restores are counted durably, generation by generation; a damaged count is
 * said and not overwritten; the count of a removed generation does not come
 * back with its number. */
// RUN: %unit/cache_restores
// RUN: env UNIT_KEY=1 %unit/cache_restores
// RUN: %unit/sanitized/cache_restores
#include "Inputs/unit.h"

#include <sys/stat.h>
#include <unistd.h>

static int find(const struct cache_generation *generation, int damage,
                void *context) {
  struct cache_generation *wanted = context;
  CHECK(damage == 0);
  if (generation->number == wanted->number)
    *wanted = *generation;
  return 0;
}

static unsigned listed(struct cache *cache, const char *name, uint64_t number) {
  struct cache_generation wanted = {.number = number};
  CHECK_OK(cache_each_generation(cache, name, find, &wanted, &unit_error));
  return wanted.restores;
}

int main(void) {
  struct cache *cache;
  struct cache_reader *reader;
  struct cache_writer *writer;
  struct cache_write_options options = {0, 1};
  char name[CACHE_NAME_MAX], file[256];
  unsigned count = 99;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "count", name, &unit_error));
  CHECK_ERROR(cache_count_restore(cache, name, 1, &count, &unit_error),
              NO_GENERATION);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
  }
  CHECK(listed(cache, name, 1) == 0);
  for (unsigned i = 1; i <= 300; i += i < 5 ? 1 : 59) {
    while (listed(cache, name, 1) < i)
      CHECK_OK(cache_count_restore(cache, name, 1, &count, &unit_error));
    CHECK(count == i);
  }
  CHECK(listed(cache, name, 2) == 0);
  CHECK_OK(cache_reader_open(cache, name, 1, &reader, &unit_error));
  CHECK(cache_reader_generation(reader)->restores == count);
  cache_reader_close(reader);

  snprintf(file, sizeof(file), "cache/%s/g0000000001.restores", name);
  struct stat status;
  CHECK(stat(unit_path(file), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  unsigned char *bytes;
  size_t length = unit_read_file(unit_path(file), &bytes);
  for (size_t cut = 0; cut < length; cut++) {
    unit_write_file(unit_path(file), bytes, cut);
    CHECK(cache_count_restore(cache, name, 1, &count, &unit_error) < 0);
    CHECK(stat(unit_path(file), &status) == 0);
    CHECK((size_t)status.st_size == cut);
  }
  for (size_t bit = 0; bit < length * 8; bit++) {
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    unit_write_file(unit_path(file), bytes, length);
    CHECK(cache_count_restore(cache, name, 1, &count, &unit_error) < 0);
    CHECK(cache_reader_open(cache, name, 1, &reader, &unit_error) < 0);
    CHECK(cache_verify(cache, name, 1, &unit_error) < 0);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  unit_write_file(unit_path(file), bytes, length);
  CHECK(listed(cache, name, 1) == 300);

  /* Of another generation of the same number. */
  snprintf(file, sizeof(file), "cache/%s/g0000000002.restores", name);
  unit_write_file(unit_path(file), bytes, length);
  CHECK(listed(cache, name, 2) == 0);
  CHECK_OK(cache_count_restore(cache, name, 2, &count, &unit_error));
  CHECK(count == 1 && listed(cache, name, 2) == 1);
  free(bytes);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  snprintf(file, sizeof(file), "cache/%s/g0000000001.restores", name);
  CHECK(access(unit_path(file), F_OK) != 0);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
