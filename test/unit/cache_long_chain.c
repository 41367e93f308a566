/* A chain of 1000 generations is read with 64 descriptors, and what was
 * overwritten is not read again: bytes read do not grow with the chain. */
// RUN: %unit/cache_long_chain
// RUN: %unit/sanitized/cache_long_chain
#include "Inputs/unit.h"

#include <sys/resource.h>

#define LENGTH 1000

static struct model model = {.pages = 1024};
static uint64_t bytes_read;

static long io_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  bytes_read += length;
  return cache_io_kernel.pread(fd, buffer, length, offset);
}

static int ignore(uint64_t address, const void *data, size_t count,
                  void *context) {
  (void)address;
  (void)data;
  *(uint64_t *)context += count;
  return 0;
}

/* Bytes that replaying reads, indexes included. */
static uint64_t replay(struct cache *cache, const char *name, uint64_t number) {
  struct cache_range all = {UINT64_C(0), UINT64_MAX & ~UINT64_C(4095)};
  struct cache_reader *reader;
  uint64_t pages = 0;
  CHECK_OK(cache_reader_open(cache, name, number, &reader, &unit_error));
  CHECK(cache_reader_chain(reader) == number);
  bytes_read = 0;
  CHECK_OK(cache_replay(reader, &all, 1, ignore, &pages, &unit_error));
  CHECK(pages == 1024);
  cache_reader_close(reader);
  return bytes_read;
}

int main(void) {
  struct cache_io io = cache_io_kernel;
  struct cache_env env = {.io = &io, .map = unit_map, .unmap = unit_unmap};
  struct cache *cache;
  char name[CACHE_NAME_MAX];
  struct rlimit limit = {64, 64};
  io.pread = io_pread;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "long", name, &unit_error));
  uint64_t short_chain = 0;
  for (uint64_t number = 1; number <= LENGTH; number++) {
    struct cache_write_options options = {number - 1, 0};
    struct cache_writer *writer;
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    if (number == 1)
      CHECK_OK(unit_put(writer, &model, 0, 1024, 1, &unit_error));
    else
      CHECK_OK(unit_put(writer, &model, number * 64 % 1024, 64,
                        (unsigned)number, &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
    if (number == 20)
      short_chain = replay(cache, name, number);
  }
  CHECK_OK(unit_compare(cache, name, LENGTH, &model, &unit_error));
  uint64_t long_chain = replay(cache, name, LENGTH);
  printf("bytes read: %llu after 20 generations, %llu after %d\n",
         (unsigned long long)short_chain, (unsigned long long)long_chain,
         LENGTH);
  CHECK(long_chain < short_chain * 11 / 10);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
