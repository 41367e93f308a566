/* Applications and generations are listed with what is known of them; damage
 * is told and does not end the list; other files are passed over; a visitor can
 * end the walk. */
// RUN: %unit/cache_list
// RUN: env UNIT_KEY=1 %unit/cache_list
// RUN: %unit/sanitized/cache_list
#include "Inputs/unit.h"

#include <sys/stat.h>
#include <unistd.h>

struct seen {
  unsigned count;
  struct cache_application application;
  struct cache_generation generations[16];
  int damages[16];
  int stop;
};

static int see_application(const struct cache_application *application,
                           void *context) {
  struct seen *seen = context;
  seen->count++;
  if (application->count)
    seen->application = *application;
  return seen->stop;
}

static int see_generation(const struct cache_generation *generation, int damage,
                          void *context) {
  struct seen *seen = context;
  seen->generations[seen->count] = *generation;
  seen->damages[seen->count++] = damage;
  return seen->stop;
}

int main(void) {
  struct cache *cache;
  char name[CACHE_NAME_MAX], other[CACHE_NAME_MAX], file[256];
  static struct model model = {.pages = 64};
  struct cache_writer *writer;
  struct cache_generation written[6];
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  struct seen seen = {0};
  CHECK_OK(cache_each_application(cache, see_application, &seen, &unit_error));
  CHECK(seen.count == 0);
  CHECK_OK(cache_new_application(cache, "listed", name, &unit_error));
  CHECK_OK(cache_new_application(cache, "empty", other, &unit_error));
  for (unsigned i = 0; i < 5; i++) {
    struct cache_write_options options = {i, 1};
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(unit_put(writer, &model, i, 3, i + 1, &unit_error));
    CHECK_OK(cache_commit(writer, &written[i], &unit_error));
  }
  /* What is none of ours. */
  unit_write_file(unit_path("cache/notes"), "x", 1);
  CHECK(mkdir(unit_path("cache/.hidden"), 0700) == 0);
  CHECK(mkdir(unit_path("cache/lost+found"), 0700) == 0);
  CHECK(symlink(name, unit_path("cache/link")) == 0);
  static const char *const strangers[] = {"g1.ckpt",
                                          "g0000000000.ckpt",
                                          "g00000000002.ckpt",
                                          "g0000000009.ckpt.bak",
                                          "g99999999999999999999.ckpt",
                                          "x0000000009.ckpt"};
  for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
    snprintf(file, sizeof(file), "cache/%s/%s", name, strangers[i]);
    unit_write_file(unit_path(file), "x", 1);
  }

  seen = (struct seen){0};
  CHECK_OK(cache_each_application(cache, see_application, &seen, &unit_error));
  CHECK(seen.count == 2);
  CHECK(strcmp(seen.application.name, name) == 0);
  CHECK(seen.application.newest == 5 && seen.application.count == 5);
  CHECK(seen.application.newest_ns == written[4].commit_ns);
  seen = (struct seen){.stop = 55};
  CHECK(cache_each_application(cache, see_application, &seen, &unit_error) ==
        55);
  CHECK(seen.count == 1);

  seen = (struct seen){0};
  CHECK_OK(
      cache_each_generation(cache, name, see_generation, &seen, &unit_error));
  CHECK(seen.count == 5);
  for (unsigned i = 0; i < 5; i++) {
    CHECK(seen.damages[i] == 0);
    CHECK(unit_same_generation(&seen.generations[i], &written[i]));
  }
  seen = (struct seen){.stop = 44};
  CHECK(cache_each_generation(cache, name, see_generation, &seen,
                              &unit_error) == 44);
  CHECK(seen.count == 1);

  /* The third is cut short: it and what builds on it are damaged. */
  snprintf(file, sizeof(file), "cache/%s/g0000000003.ckpt", name);
  CHECK(truncate(unit_path(file), 100) == 0);
  seen = (struct seen){0};
  CHECK_OK(
      cache_each_generation(cache, name, see_generation, &seen, &unit_error));
  CHECK(seen.count == 5 && seen.damages[0] == 0 && seen.damages[1] == 0);
  CHECK(seen.damages[2] == HWCKPT_E_CACHE_TRUNCATED);
  CHECK(seen.generations[2].number == 3 && seen.generations[2].bytes == 100);
  CHECK(seen.damages[3] == HWCKPT_E_CHAIN_BROKEN);
  CHECK(seen.damages[4] == HWCKPT_E_CHAIN_BROKEN);
  CHECK(seen.generations[4].pages == 3);
  CHECK_ERROR(unit_compare(cache, name, 5, &model, &unit_error),
              CACHE_TRUNCATED);
  unlink(unit_path(file));
  CHECK_ERROR(unit_compare(cache, name, 5, &model, &unit_error), CHAIN_BROKEN);
  CHECK(strstr(unit_error.object, "g0000000004.ckpt"));
  CHECK(strstr(unit_error.detail, "generation 3"));

  /* Another generation took the number of the missing one. */
  struct cache_write_options options = {0, 1};
  char fresh[256];
  CHECK_OK(cache_new_application(cache, "listed", other, &unit_error));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(cache_begin(cache, other, &options, &writer, &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
  }
  snprintf(fresh, sizeof(fresh), "cache/%s/g0000000003.ckpt", other);
  CHECK(rename(unit_path(fresh), unit_path(file)) == 0);
  CHECK_ERROR(unit_compare(cache, name, 5, &model, &unit_error), CACHE_OTHER);

  /* The newest is damaged: the application is there all the same. */
  snprintf(file, sizeof(file), "cache/%s/g0000000005.ckpt", name);
  CHECK(truncate(unit_path(file), 0) == 0);
  seen = (struct seen){0};
  CHECK_OK(cache_each_application(cache, see_application, &seen, &unit_error));
  CHECK(seen.count == 3);
  CHECK_ERROR(
      cache_each_generation(cache, "none", see_generation, &seen, &unit_error),
      NO_APPLICATION);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
