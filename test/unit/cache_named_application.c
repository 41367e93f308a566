/* An application under a name the user chose: made when it is not there, left
 * as it is when it is, refused when the name or the folder cannot be used, or
 * the folder is another application's that was renamed: of that nothing is
 * removed, whatever else is written there. */
// RUN: %unit/cache_named_application
// RUN: %unit/sanitized/cache_named_application
#include "Inputs/unit.h"

#include <sys/stat.h>
#include <unistd.h>

static void renamed(struct cache *cache) {
  static struct model model = {.pages = 64};
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  CHECK(rename(unit_path("cache/my.job+1"), unit_path("cache/its")) == 0);
  CHECK_ERROR(cache_use_application(cache, "its", &unit_error), CACHE_OTHER);
  CHECK(strstr(unit_error.detail, "my.job+1"));
  for (unsigned i = 0; i < 3; i++) {
    CHECK_OK(cache_begin(cache, "its", &options, &writer, &unit_error));
    CHECK_OK(unit_put(writer, &model, 0, 3, 1 + i, &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
    CHECK_OK(unit_retain(cache, "its", 1, &unit_error));
  }
  CHECK(access(unit_path("cache/its/g0000000001.ckpt"), F_OK) == 0);
  CHECK(access(unit_path("cache/its/g0000000003.ckpt"), F_OK) != 0);
  CHECK(rename(unit_path("cache/its"), unit_path("cache/my.job+1")) == 0);
}

int main(void) {
  struct cache *cache;
  struct cache_writer *writer;
  struct cache_write_options options = {0, 1};
  static struct model model = {.pages = 64};
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_use_application(cache, "my.job+1", &unit_error));
  CHECK_OK(cache_begin(cache, "my.job+1", &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 0, 3, 1, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  CHECK_OK(cache_use_application(cache, "my.job+1", &unit_error));
  CHECK_OK(unit_compare(cache, "my.job+1", 1, &model, &unit_error));
  renamed(cache);
  CHECK_OK(unit_compare(cache, "my.job+1", 1, &model, &unit_error));

  CHECK_ERROR(cache_use_application(cache, "a/b", &unit_error), CACHE_NAME);
  CHECK_ERROR(cache_use_application(cache, "..", &unit_error), CACHE_NAME);
  CHECK_ERROR(cache_use_application(cache, "hwckpt-cache", &unit_error),
              NO_APPLICATION);
  CHECK(chmod(unit_path("cache/my.job+1"), 0777) == 0);
  CHECK_ERROR(cache_use_application(cache, "my.job+1", &unit_error),
              CACHE_MODE);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
