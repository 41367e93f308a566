/* Where the file system refuses O_DIRECT (when opening, or only when writing),
 * refuses to allocate ahead or to punch holes, or writes less than asked and
 * not to a page's end, the cache works all the same. */
// RUN: %unit/cache_refused_io
// RUN: %unit/sanitized/cache_refused_io
#include "Inputs/unit.h"

#include <errno.h>
#include <fcntl.h>

static struct {
  bool open, write, fallocate, short_writes;
} refuse;
static unsigned direct_writes, refused;

static int io_openat(int fd, const char *path, int flags, unsigned mode) {
  if (flags & O_DIRECT && refuse.open) {
    refused++;
    /* As some do: the file is made, but not opened. */
    if (flags & O_CREAT)
      cache_io_kernel.close(
          cache_io_kernel.openat(fd, path, flags & ~O_DIRECT, mode));
    return -EINVAL;
  }
  return cache_io_kernel.openat(fd, path, flags, mode);
}

static long io_pwrite(int fd, const void *buffer, size_t length,
                      uint64_t offset) {
  bool direct = fcntl(fd, F_GETFL) & O_DIRECT;
  direct_writes += direct;
  if (direct && refuse.write) {
    refused++;
    return -EINVAL;
  }
  if (refuse.short_writes && length > 8192) {
    refused++;
    cache_io_kernel.pwrite(fd, buffer, 8192, offset);
    return 5000;
  }
  if (direct)
    CHECK(((uintptr_t)buffer | length | offset) % 4096 == 0);
  return cache_io_kernel.pwrite(fd, buffer, length, offset);
}

static int io_fallocate(int fd, int mode, uint64_t offset, uint64_t length) {
  if (refuse.fallocate) {
    refused++;
    return -EOPNOTSUPP;
  }
  return cache_io_kernel.fallocate(fd, mode, offset, length);
}

static void write_all(struct cache *cache) {
  static struct model model;
  char name[CACHE_NAME_MAX];
  model = (struct model){.pages = 2048};
  refused = 0;
  CHECK_OK(cache_new_application(cache, "refused", name, &unit_error));
  for (uint64_t number = 1; number <= 3; number++) {
    struct cache_write_options options = {number - 1, 0};
    struct cache_writer *writer;
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(unit_put(writer, &model, 300 * number, 700, (unsigned)number,
                      &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
    CHECK_OK(unit_compare(cache, name, number, &model, &unit_error));
    CHECK_OK(cache_verify(cache, name, number, &unit_error));
  }
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK_OK(unit_compare(cache, name, 3, &model, &unit_error));
}

int main(void) {
  struct cache_io io = cache_io_kernel;
  struct cache_env env = {&io, unit_map, unit_unmap};
  struct cache *cache;
  io.openat = io_openat;
  io.pwrite = io_pwrite;
  io.fallocate = io_fallocate;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  write_all(cache);
  bool can_direct = direct_writes > 0;
  refuse.open = true;
  write_all(cache);
  CHECK(refused > 0);
  refuse.open = false;
  if (can_direct) {
    refuse.write = true;
    write_all(cache);
    CHECK(refused > 0);
    refuse.write = false;
  }
  refuse.fallocate = true;
  write_all(cache);
  CHECK(refused > 0);
  refuse.short_writes = true;
  write_all(cache);
  CHECK(refused > 10);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
