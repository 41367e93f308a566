/* An aborted generation leaves no trace, and its number is given to the next.
 */
// RUN: %unit/cache_abort
// RUN: env UNIT_KEY=1 %unit/cache_abort
// RUN: %unit/sanitized/cache_abort
#include "Inputs/unit.h"

#include <dirent.h>

static int entries(const char *path) {
  DIR *directory = opendir(path);
  CHECK(directory);
  int count = 0;
  while (readdir(directory))
    count++;
  closedir(directory);
  return count;
}

int main(void) {
  struct cache *cache;
  char name[CACHE_NAME_MAX], below[CACHE_NAME_MAX + 8];
  struct model model = {.pages = 4096}, ignored = {.pages = 4096};
  struct cache_write_options options = {0, 0};
  struct cache_writer *writer;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "abort", name, &unit_error));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 0, 10, 1, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  snprintf(below, sizeof(below), "cache/%s", name);
  int before = entries(unit_path(below));

  options.parent = 1;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == 2);
  CHECK_OK(unit_put(writer, &ignored, 0, 4096, 2, &unit_error));
  CHECK(entries(unit_path(below)) == before + 1);
  cache_abort(writer);
  CHECK(entries(unit_path(below)) == before);
  CHECK_OK(unit_compare(cache, name, 1, &model, &unit_error));
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), NO_GENERATION);

  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == 2);
  cache_abort(writer);
  cache_abort(NULL);

  /* A parent that is not there: nothing begins, nothing remains. */
  options.parent = 9;
  CHECK_ERROR(cache_begin(cache, name, &options, &writer, &unit_error),
              NO_GENERATION);
  CHECK(writer == NULL && entries(unit_path(below)) == before);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
