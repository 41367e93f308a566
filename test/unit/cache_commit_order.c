/* The order that durability rests on: segments synced before the generation's
 * file is written, every byte of that written before it is synced, synced
 * before the rename, the directory synced after it. */
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
  unit_use_queue(&io);
  struct cache_env env = {.io = &io, .map = unit_map, .unmap = unit_unmap};
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
  /* Few pages lie in the generation's own file; many in a segment, which is
   * synced before, and whose name is when it is new; what was allocated
   * ahead is given back last. The first write is the writer's turn. */
  static const struct {
    size_t pages;
    const char *trace;
  } rounds[] = {
      {2, "wdrf"}, {3000, "wdfwdrft"}, {3000, "wdwdrft"}, {2, "wdrf"}};
  for (unsigned round = 0; round < sizeof(rounds) / sizeof(rounds[0]);
       round++) {
    memset(trace, 0, sizeof(trace));
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(unit_put(writer, &model, 0, rounds[round].pages, 1 + round,
                      &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
    CHECK(strcmp(trace, rounds[round].trace) == 0);
  }
  memset(trace, 0, sizeof(trace));
  CHECK_OK(cache_count_restore(cache, name, 1, &count, &unit_error));
  CHECK(strcmp(trace, "wdrf") == 0);
  memset(trace, 0, sizeof(trace));
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  /* What is removed is gone durably before others are told to forget it, and
   * that before what it referred to is given back. */
  CHECK(strcmp(trace, "ufwf") == 0);
  cache_close(cache);
  return 0;
}
