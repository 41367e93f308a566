/* A writer killed at a random instant, while it writes, merges or removes
 * generations, leaves the last committed one as it was, and the next writer
 * removes what it left. HWCKPT_STRESS=1: 500 times.
 */
// RUN: %unit/cache_killed_writer
// RUN: env UNIT_KEY=1 %unit/cache_killed_writer
// RUN: %unit/sanitized/cache_killed_writer
#include "Inputs/unit.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What generation number holds, on top of the one before. */
static void write_next(struct cache *cache, const char *name, uint64_t number,
                       struct model *model) {
  struct cache_write_options options = {number - 1, number % 2 ? 1 : 0};
  struct cache_writer *writer;
  unit_seed(number);
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == number);
  for (unsigned i = 0; i < 12; i++) {
    unsigned first = unit_random(1900);
    CHECK_OK(unit_put(writer, model, first, 1 + unit_random(100),
                      (unsigned)number, &unit_error));
  }
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void write_until_killed(const char *path, const char *name,
                                         uint64_t number, struct model *model,
                                         int told) {
  struct cache *cache;
  CHECK_OK(cache_open(&cache_env_kernel, path, false, &cache, &unit_error));
  for (;; number++) {
    bool merged;
    write_next(cache, name, number, model);
    CHECK(write(told, &number, sizeof(number)) == sizeof(number));
    if (number % 3 == 0)
      CHECK_OK(unit_merge(cache, name, &merged, &unit_error));
    if (number % 6 == 0)
      CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  }
}

static int last_number(const struct cache_generation *generation, int damage,
                       void *context) {
  CHECK(damage == 0);
  *(uint64_t *)context = generation->number;
  return 0;
}

static uint64_t generation_ns; /* that writing one takes */

/* Kills a writer after some time; returns the newest generation. */
static uint64_t kill_writer(struct cache *cache, const char *name,
                            uint64_t newest, struct model *model) {
  int told[2];
  uint64_t reported = newest, number, found = 0;
  CHECK(pipe(told) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    close(told[0]);
    write_until_killed(unit_path("cache"), name, newest + 1, model, told[1]);
  }
  close(told[1]);
  /* Anywhere in what about two generations take here. */
  uint64_t wait_ns = (uint64_t)unit_random(1000) * generation_ns / 500;
  struct timespec wait = {(time_t)(wait_ns / 1000000000),
                          (long)(wait_ns % 1000000000)};
  nanosleep(&wait, NULL);
  kill(child, SIGKILL);
  int status;
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  while (read(told[0], &number, sizeof(number)) == sizeof(number))
    reported = number;
  close(told[0]);

  CHECK_OK(
      cache_each_generation(cache, name, last_number, &found, &unit_error));
  CHECK(found == reported || found == reported + 1);
  return found;
}

static unsigned temporaries(const char *path) {
  DIR *directory = opendir(path);
  CHECK(directory);
  unsigned count = 0;
  for (struct dirent *entry; (entry = readdir(directory));)
    count += strstr(entry->d_name, ".tmp") != NULL;
  closedir(directory);
  return count;
}

int main(void) {
  const char *stress = getenv("HWCKPT_STRESS");
  unsigned rounds = stress && *stress == '1' ? 500 : 40;
  static struct model model = {.pages = 2048}, scratch;
  struct cache *cache;
  char name[CACHE_NAME_MAX], below[CACHE_NAME_MAX + 8];
  uint64_t newest = 0;
  unsigned stale = 0;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "killed", name, &unit_error));
  snprintf(below, sizeof(below), "cache/%s", name);
  uint64_t began = now_ns();
  write_next(cache, name, 1, &model);
  generation_ns = now_ns() - began;
  newest = 1;
  for (unsigned round = 0; round < rounds; round++) {
    unit_seed(0x1000000 + round);
    uint64_t found = kill_writer(cache, name, newest, &model);
    stale += temporaries(unit_path(below));
    /* The model catches up by writing the same in a cache of its own. */
    struct cache *twin;
    char twin_name[CACHE_NAME_MAX];
    CHECK_OK(
        cache_open(&unit_env, unit_path("twin"), true, &twin, &unit_error));
    CHECK_OK(cache_new_application(twin, "twin", twin_name, &unit_error));
    for (uint64_t i = newest + 1; i <= found; i++) {
      struct cache_write_options options = {0, 0};
      struct cache_writer *writer;
      CHECK_OK(cache_begin(twin, twin_name, &options, &writer, &unit_error));
      unit_seed(i);
      for (unsigned j = 0; j < 12; j++) {
        unsigned first = unit_random(1900);
        CHECK_OK(unit_put(writer, &model, first, 1 + unit_random(100),
                          (unsigned)i, &unit_error));
      }
      cache_abort(writer);
    }
    cache_close(twin);
    newest = found;
    if (newest)
      CHECK_OK(unit_compare(cache, name, newest, &model, &unit_error));
  }
  CHECK(newest > 1);
  printf("%llu generations, %u writers left a temporary file\n",
         (unsigned long long)newest, stale);
  scratch = model;
  write_next(cache, name, newest + 1, &scratch);
  CHECK(temporaries(unit_path(below)) == 0);
  CHECK_OK(unit_compare(cache, name, newest + 1, &scratch, &unit_error));
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
