/* The order that durability rests on: every byte written before the data is
 * synced, the data synced before the rename, the directory synced after it. */
// RUN: %unit/cache_commit_order
// RUN: %unit/sanitized/cache_commit_order
#include "Inputs/unit.h"

#include <sys/stat.h>

static char trace[4096];

static void note(char what) {
  size_t length = strlen(trace);
  if (length == 0 || trace[length - 1] != what)
    trace[length] = what;
}

static long io_pwrite(int fd, const void *buffer, size_t length,
                      uint64_t offset) {
  note('w');
  return cache_io_kernel.pwrite(fd, buffer, length, offset);
}
static int io_ftruncate(int fd, uint64_t length) {
  note('t');
  return cache_io_kernel.ftruncate(fd, length);
}
static int io_fdatasync(int fd) {
  note('d');
  return cache_io_kernel.fdatasync(fd);
}
static int io_fsync(int fd) {
  note('f');
  return cache_io_kernel.fsync(fd);
}
static int io_renameat(int from_fd, const char *from, int to_fd,
                       const char *to) {
  note('r');
  return cache_io_kernel.renameat(from_fd, from, to_fd, to);
}
static int io_unlinkat(int fd, const char *path, int flags) {
  note('u');
  return cache_io_kernel.unlinkat(fd, path, flags);
}

int main(void) {
  struct cache_io io = cache_io_kernel;
  io.pwrite = io_pwrite;
  io.ftruncate = io_ftruncate;
  io.fdatasync = io_fdatasync;
  io.fsync = io_fsync;
  io.renameat = io_renameat;
  io.unlinkat = io_unlinkat;
  struct cache_env env = {&io, unit_map, unit_unmap};
  static struct model model = {.pages = 4096};
  struct cache_write_options options = {0, 0};
  struct cache_writer *writer;
  struct cache *cache;
  char name[CACHE_NAME_MAX];
  unsigned count;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  CHECK(strcmp(trace, "wdrf") == 0); /* the marker */
  memset(trace, 0, sizeof(trace));
  CHECK_OK(cache_new_application(cache, "order", name, &unit_error));
  CHECK(strcmp(trace, "f") == 0);
  for (unsigned round = 0; round < 2; round++) {
    memset(trace, 0, sizeof(trace));
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(unit_put(writer, &model, 0, round ? 3000 : 2, 1, &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
    /* Only what was allocated ahead needs truncating. */
    CHECK(strcmp(trace, round ? "wtdrf" : "wdrf") == 0);
  }
  memset(trace, 0, sizeof(trace));
  CHECK_OK(cache_count_restore(cache, name, 1, &count, &unit_error));
  CHECK(strcmp(trace, "wdrf") == 0);
  memset(trace, 0, sizeof(trace));
  CHECK_OK(cache_retain(cache, name, 1, &unit_error));
  CHECK(strcmp(trace, "uf") == 0);
  cache_close(cache);
  return 0;
}
