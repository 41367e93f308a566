/* One writer an application, over all processes: the second is told so; a dead
 * writer's lock is free; a forked child does not prolong it; other applications
 * are not held up. */
// RUN: %unit/cache_two_writers
// RUN: %unit/sanitized/cache_two_writers
#include "Inputs/unit.h"

#include <sys/wait.h>
#include <unistd.h>

static struct cache *cache;
static char name[CACHE_NAME_MAX];
static const struct cache_write_options options = {0, 1};

static void in_child(void (*body)(void)) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    body();
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void try_to_write(void) {
  struct cache_writer *writer;
  unsigned count;
  CHECK_ERROR(cache_begin(cache, name, &options, &writer, &unit_error),
              CACHE_BUSY);
  CHECK(strstr(unit_error.object, name));
  CHECK_ERROR(cache_count_restore(cache, name, 1, &count, &unit_error),
              CACHE_BUSY);
  CHECK_ERROR(unit_retain(cache, name, 1, &unit_error), CACHE_BUSY);
  bool merged; /* generation 1 needs none */
  CHECK_OK(unit_merge(cache, name, &merged, &unit_error));
  CHECK(!merged);
}

static void die_while_writing(void) {
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
}

int main(void) {
  struct cache_writer *writer, *other;
  char other_name[CACHE_NAME_MAX];
  CHECK_OK(cache_open(&cache_env_kernel, unit_path("cache"), true, &cache,
                      &unit_error));
  CHECK_OK(cache_new_application(cache, "one", name, &unit_error));
  CHECK_OK(cache_new_application(cache, "two", other_name, &unit_error));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  try_to_write();
  in_child(try_to_write);
  CHECK_OK(cache_begin(cache, other_name, &options, &other, &unit_error));
  CHECK_OK(cache_commit(other, NULL, &unit_error));

  /* A child that lives on with the descriptors of a writer. */
  int hold[2];
  CHECK(pipe(hold) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    char byte;
    close(hold[1]);
    _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
  }
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  in_child(die_while_writing);
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == 2);
  cache_abort(writer);
  close(hold[1]);
  CHECK(waitpid(child, NULL, 0) == child);
  cache_close(cache);
  return 0;
}
