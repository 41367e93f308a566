/* Within one generation the page put last wins, whole or in part, zero over
 * data and data over zero; a hole takes away only what is older, an absent
 * range what was put before too. */
// RUN: %unit/cache_replace
// RUN: env UNIT_KEY=1 %unit/cache_replace
// RUN: %unit/sanitized/cache_replace
#include "Inputs/unit.h"

int main(void) {
  struct cache *cache;
  char name[CACHE_NAME_MAX];
  struct model model = {.pages = 256};
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  struct cache_generation generation;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "replace", name, &unit_error));

  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 0, 200, 1, &unit_error));
  CHECK_OK(unit_put(writer, &model, 10, 1, 2, &unit_error));
  CHECK_OK(unit_put(writer, &model, 10, 1, 3, &unit_error));
  CHECK_OK(unit_put(writer, &model, 20, 60, 4, &unit_error));
  CHECK_OK(unit_put(writer, &model, 30, 10, UNIT_ZERO, &unit_error));
  CHECK_OK(unit_put(writer, &model, 35, 2, 5, &unit_error));
  CHECK_OK(unit_put(writer, &model, 190, 60, 6, &unit_error));
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  CHECK(generation.pages == 250 - 8);
  CHECK_OK(unit_compare(cache, name, 1, &model, &unit_error));

  options.parent = 1;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 100, 10, 7, &unit_error));
  struct model before = model;
  CHECK_OK(unit_put_hole(writer, &model, 90, 30, &unit_error));
  for (size_t i = 100; i < 110; i++) /* of this generation: stays */
    model.version[i] = before.version[i];
  CHECK_OK(unit_put(writer, &model, 0, 5, UNIT_ZERO, &unit_error));
  /* Absent: of this generation goes too, unless it is put again. */
  CHECK_OK(unit_put(writer, &model, 130, 10, 8, &unit_error));
  CHECK_OK(cache_put_absent(writer, UNIT_BASE + 132 * CACHE_PAGE_SIZE,
                            20 * CACHE_PAGE_SIZE, &unit_error));
  for (size_t i = 132; i < 152; i++)
    model.version[i] = 0;
  CHECK_OK(unit_put(writer, &model, 135, 1, 9, &unit_error));
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  CHECK(generation.pages == 10 + 3);
  CHECK_OK(unit_compare(cache, name, 2, &model, &unit_error));
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
