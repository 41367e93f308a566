/* Flash that no generation refers to is given back: whole segments, and holes
 * in those that are in part still needed. It stays while somebody reads, while
 * a generation cannot be read, which is an error when the device says so, and
 * while it is another's to write to. */
// RUN: %unit/cache_space
// RUN: %unit/sanitized/cache_space
#include "Inputs/unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cache *cache;
static char name[CACHE_NAME_MAX];
static struct model model = {.pages = 4096};

static void open_cache(void) {
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  cache_set_segment_size(cache, 4 << 20);
}

static void write_generation(uint64_t parent, size_t first, size_t count,
                             unsigned version) {
  struct cache_write_options options = {parent, 0};
  struct cache_writer *writer;
  if (!parent)
    memset(model.version, 0, sizeof(model.version));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, first, count, version, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
}

/* Bytes on flash, of files with this in their name. */
static uint64_t bytes_of(const char *part, unsigned *files) {
  char below[256];
  snprintf(below, sizeof(below), "cache/%s", name);
  char path[1024];
  snprintf(path, sizeof(path), "%s", unit_path(below));
  DIR *directory = opendir(path);
  CHECK(directory);
  uint64_t bytes = 0;
  *files = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    char file[2048];
    struct stat status;
    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
    if (!strstr(entry->d_name, part) || stat(file, &status) != 0)
      continue;
    bytes += (uint64_t)status.st_blocks * 512;
    ++*files;
  }
  closedir(directory);
  return bytes;
}

/* Whether the file system can punch holes at all. */
static bool can_punch(void) {
  static char page[65536];
  memset(page, 1, sizeof(page));
  unit_write_file(unit_path("punch"), page, sizeof(page));
  int fd = cache_io_kernel.openat(-100, unit_path("punch"), 1, 0);
  int result = cache_io_kernel.fallocate(fd, 3, 0, 32768);
  close(fd);
  return result == 0;
}

/* What is behind all that is needed is cut off, and the file is as long as
 * that. */
static void cut_off(void) {
  char below[256];
  struct stat before, after;
  unsigned files;
  CHECK_OK(cache_new_application(cache, "cut", name, &unit_error));
  write_generation(0, 0, 64, 1);
  write_generation(0, 0, 64, 2);
  CHECK(bytes_of(".seg", &files) && files == 1);
  snprintf(below, sizeof(below), "cache/%s/g0000000002.ckpt", name);
  CHECK(unlink(unit_path(below)) == 0);
  cache_close(cache);
  open_cache();
  snprintf(below, sizeof(below), "cache/%s/s0000000001.seg", name);
  CHECK(stat(unit_path(below), &before) == 0);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK(stat(unit_path(below), &after) == 0);
  CHECK(after.st_size == (64 + 1) * CACHE_PAGE_SIZE);
  CHECK(after.st_size < before.st_size && after.st_blocks < before.st_blocks);
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
}

static uint64_t found_of(size_t pages) {
  struct cache_write_options options = {0, 1};
  struct cache_generation generation;
  struct cache_writer *writer;
  memset(model.version, 0, sizeof(model.version));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 0, pages, 1, &unit_error));
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  CHECK_OK(unit_compare(cache, name, generation.number, &model, &unit_error));
  CHECK_OK(cache_verify(cache, name, generation.number, &unit_error));
  return generation.same_pages;
}

/* Coded frames lie close together. What is in those that are still needed is
 * found again; what was behind them, beginning in their last page, is not, and
 * is given back from the segment that is appended to, too. */
static void half_of_them(void) {
  unsigned files;
  CHECK_OK(cache_new_application(cache, "half", name, &unit_error));
  CHECK(found_of(2048) == 0);
  uint64_t before = bytes_of(".seg", &files);
  CHECK(found_of(1024) == 1024 && files == 1);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  if (can_punch())
    CHECK(bytes_of(".seg", &files) < before / 4 * 3);
  CHECK(found_of(2048) == 1024);
}

/* What could not be given back is, once it can, also when nothing else is
 * removed then. */
static void another_time(void) {
  unsigned char *bytes;
  unsigned files;
  char below[256];
  CHECK_OK(cache_new_application(cache, "again", name, &unit_error));
  write_generation(0, 0, 2048, 1);
  write_generation(0, 0, 2048, 2);
  write_generation(2, 0, 16, 3);
  uint64_t before = bytes_of(".seg", &files);
  snprintf(below, sizeof(below), "cache/%s/g0000000003.ckpt", name);
  size_t length = unit_read_file(unit_path(below), &bytes);
  unit_write_file(unit_path(below), bytes, length - 1);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK(bytes_of(".seg", &files) == before);
  unit_write_file(unit_path(below), bytes, length);
  free(bytes);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK(bytes_of(".seg", &files) < before / 4 * 3);
  CHECK_OK(cache_verify(cache, name, 3, &unit_error));
}

static bool fails;

static int io_openat(int directory, const char *path, int flags,
                     unsigned mode) {
  return fails && strstr(path, ".ckpt")
             ? -EIO
             : cache_io_kernel.openat(directory, path, flags, mode);
}

/* What a generation refers to is not known when it cannot be read just now:
 * nothing goes, that is said, and it is tried again. */
static void device_fails(void) {
  static struct cache_io io;
  static struct cache_env env;
  unsigned files;
  char below[256];
  CHECK_OK(cache_new_application(cache, "device", name, &unit_error));
  write_generation(0, 0, 2048, 1);
  write_generation(0, 0, 2048, 2);
  snprintf(below, sizeof(below), "cache/%s/g0000000001.ckpt", name);
  CHECK(unlink(unit_path(below)) == 0);
  cache_close(cache);
  io = cache_io_kernel;
  io.openat = io_openat;
  env = unit_env;
  env.io = &io;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  uint64_t before = bytes_of(".seg", &files);
  fails = true;
  for (unsigned i = 0; i < 2; i++)
    CHECK_ERROR(cache_reclaim(cache, name, &unit_error), CACHE_IO);
  CHECK(strstr(unit_error.object, "/g0000000002.ckpt"));
  CHECK(bytes_of(".seg", &files) == before);
  fails = false;
  CHECK_OK(cache_reclaim(cache, name, &unit_error));
  CHECK(bytes_of(".seg", &files) < before / 4 * 3);
  CHECK_OK(cache_verify(cache, name, 2, &unit_error));
  cache_close(cache);
  open_cache();
}

int main(void) {
  unsigned files;
  open_cache();
  CHECK_OK(cache_new_application(cache, "space", name, &unit_error));
  write_generation(0, 0, 2048, 1); /* 8 MiB */
  uint64_t one = bytes_of(".seg", &files);
  CHECK(one >= 8 << 20 && files == 3);
  write_generation(0, 0, 2048, 2);
  CHECK(bytes_of(".seg", &files) > one);

  /* A reader keeps what it reads. */
  struct cache_reader *reader;
  CHECK_OK(cache_reader_open(cache, name, 1, &reader, &unit_error));
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK(bytes_of(".seg", &files) > one && files == 5);
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
  cache_reader_close(reader);
  /* It goes with the next that does. */
  write_generation(0, 0, 2048, 3);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK(bytes_of(".seg", &files) <= one + (6 << 20));
  CHECK_OK(unit_compare(cache, name, 3, &model, &unit_error));
  CHECK_OK(cache_verify(cache, name, 3, &unit_error));

  /* A generation that cannot be read may refer to anything. */
  char below[256];
  write_generation(0, 0, 2048, 4);
  write_generation(0, 0, 16, 5);
  uint64_t before = bytes_of(".seg", &files);
  unsigned char *bytes;
  snprintf(below, sizeof(below), "cache/%s/g0000000005.ckpt", name);
  size_t length = unit_read_file(unit_path(below), &bytes);
  unit_write_file(unit_path(below), bytes, length - 1);
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK(bytes_of(".seg", &files) == before);
  unit_write_file(unit_path(below), bytes, length);
  free(bytes);
  CHECK_OK(cache_verify(cache, name, 5, &unit_error));

  /* Another handle sweeps up what is left, though it removes nothing itself. */
  cache_close(cache);
  open_cache();
  CHECK_OK(unit_retain(cache, name, 1, &unit_error));
  CHECK(bytes_of(".seg", &files) == 0 && files == 0);
  CHECK_OK(unit_compare(cache, name, 5, &model, &unit_error));

  /* Within segments: what a delta needs stays, what is between is punched. */
  for (unsigned i = 0; i < 4; i++)
    write_generation(0, 0, 64, 10 + i);
  for (uint64_t i = 0; i < 4; i++) {
    snprintf(below, sizeof(below), "cache/%s/g%010llu.ckpt", name,
             (unsigned long long)i + 6);
    if (i % 2 == 0)
      CHECK(unlink(unit_path(below)) == 0);
  }
  cache_close(cache);
  before = bytes_of(".seg", &files);
  open_cache();
  CHECK_OK(unit_retain(cache, name, 9, &unit_error));
  if (can_punch())
    CHECK(bytes_of(".seg", &files) + (2 * 256 << 10) == before);
  CHECK(files == 1);
  CHECK_OK(cache_verify(cache, name, 7, &unit_error));
  CHECK_OK(cache_verify(cache, name, 9, &unit_error));

  /* A forked child writes with the same handle: it has the segment, and its
   * parent begins another. */
  write_generation(0, 0, 64, 20);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    write_generation(10, 64, 64, 21);
    write_generation(11, 128, 64, 22);
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  struct model of_child = model;
  write_generation(12, 192, 64, 23);
  for (size_t i = 64; i < 192; i++)
    of_child.version[i] = i < 128 ? 21 : 22;
  CHECK_OK(unit_compare(cache, name, 12, &of_child, &unit_error));
  for (size_t i = 192; i < 256; i++)
    of_child.version[i] = 23;
  CHECK_OK(unit_compare(cache, name, 13, &of_child, &unit_error));
  cut_off();
  half_of_them();
  another_time();
  device_fails();
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
