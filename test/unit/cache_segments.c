/* Page frames lie in segments: a new one begins when one is full; a later
 * handle begins its own; what is allocated ahead is given back; a segment that
 * is missing, foreign or cut is told by name; every flipped bit of a frame in
 * one is found, and bytes between frames mean nothing. One in its header is
 * told, once, and what lies behind it read; so is one that cannot be read. Each
 * has a number that none had before, until there are no more. */
// RUN: %unit/cache_segments
// RUN: %unit/sanitized/cache_segments
#include "Inputs/unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static struct cache *cache;
static char name[CACHE_NAME_MAX];
static struct model model = {.pages = 4096};

static bool unreadable; /* the first bytes of segment 2, from the device */

static long io_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  char link[64], file[1024] = "";
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  bool is_head = unreadable && offset < 4096 &&
                 readlink(link, file, sizeof(file) - 1) > 0 &&
                 strstr(file, "/s0000000002.seg");
  return is_head ? -EIO : cache_io_kernel.pread(fd, buffer, length, offset);
}

static void open_cache(void) {
  static struct cache_io io;
  static struct cache_env env;
  io = cache_io_kernel;
  io.pread = io_pread;
  env = unit_env;
  env.io = &io;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  cache_set_segment_size(cache, 1 << 20);
}

static void write_generation(uint64_t parent, size_t first, size_t count,
                             int level) {
  struct cache_write_options options = {parent, level};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, first, count, 1 + (unsigned)parent,
                    &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
}

static const char *segment(unsigned number) {
  char below[256];
  snprintf(below, sizeof(below), "cache/%s/s%010u.seg", name, number);
  return unit_path(below);
}

static off_t size_of(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_size : -1;
}

/* The second segment of another application with the same content. */
static size_t read_foreign(unsigned char **bytes) {
  char kept[CACHE_NAME_MAX];
  struct model model_kept = model;
  struct cache *cache_kept = cache;
  memcpy(kept, name, sizeof(kept));
  open_cache();
  CHECK_OK(cache_new_application(cache, "foreign", name, &unit_error));
  model = (struct model){.pages = model_kept.pages};
  write_generation(0, 0, 1000, 0);
  size_t length = unit_read_file(segment(2), bytes);
  memcpy(name, kept, sizeof(kept));
  model = model_kept;
  cache_close(cache);
  cache = cache_kept;
  return length;
}

static unsigned warned;
static struct hwckpt_error warning;

static void warn(const struct hwckpt_error *error) {
  warned++;
  warning = *error;
}

/* Reads all twice through a handle of its own. */
static unsigned read_warned(void) {
  struct cache *kept = cache;
  warned = 0;
  open_cache();
  cache_set_warn(cache, warn);
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
  CHECK_OK(unit_compare(cache, name, 2, &model, &unit_error));
  cache_close(cache);
  cache = kept;
  return warned;
}

/* Frames that are damaged, or are none of ours, are so behind a damaged header
 * too. */
static void spoil_header(unsigned char *bytes, size_t length) {
  CHECK(read_warned() == 0);
  unreadable = true;
  CHECK(read_warned() == 1 && warning.code == HWCKPT_E_SEGMENT_HEAD);
  CHECK(strstr(warning.detail, "cannot be read"));
  unreadable = false;
  /* The header's message and its tag. */
  for (size_t bit = 0; bit < 40 * 8; bit++) {
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    unit_write_file(segment(2), bytes, length);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    CHECK(read_warned() == 1 && warning.code == HWCKPT_E_SEGMENT_HEAD);
    CHECK(strstr(warning.object, "/s0000000002.seg"));
    CHECK(strstr(warning.detail, "at byte 0: "));
  }
  bytes[0] ^= 1;
  bytes[4096] ^= 1;
  unit_write_file(segment(2), bytes, length);
  CHECK_ERROR(cache_verify(cache, name, 1, &unit_error), CACHE_DAMAGED);
  CHECK(strstr(unit_error.detail, "at byte 4096: frame of generation 1 "));
  bytes[0] ^= 1;
  bytes[4096] ^= 1;
  unsigned char *other;
  size_t other_length = unit_read_file(segment(1), &other);
  other[0] ^= 1;
  unit_write_file(segment(2), other, other_length);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), CACHE_DAMAGED);
  free(other);
}

static void spoil(void) {
  unsigned char *bytes;
  size_t length = unit_read_file(segment(2), &bytes);
  CHECK_OK(unit_compare(cache, name, 2, &model, &unit_error));

  unit_write_file(segment(2), bytes, length / 2);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error),
              CACHE_TRUNCATED);
  CHECK(strstr(unit_error.object, "/s0000000002.seg"));
  CHECK_ERROR(cache_verify(cache, name, 1, &unit_error), CACHE_TRUNCATED);
  unlink(segment(2));
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error),
              CACHE_TRUNCATED);
  CHECK(strstr(unit_error.detail, "missing"));
  CHECK(symlink("s0000000001.seg", segment(2)) == 0);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), CACHE_IO);
  unlink(segment(2));

  unsigned char *other;
  size_t other_length = unit_read_file(segment(1), &other);
  unit_write_file(segment(2), other, other_length);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), CACHE_DAMAGED);
  CHECK(strstr(unit_error.detail, "is segment 1 of"));
  free(other);
  other_length = read_foreign(&other);
  unit_write_file(segment(2), other, other_length);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), CACHE_DAMAGED);
  CHECK(strstr(unit_error.detail, "of application 'foreign-"));
  free(other);
  unit_write_file(segment(2), bytes, length);
  CHECK(chmod(segment(2), 0620) == 0);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), CACHE_MODE);
  unit_write_file(segment(2), bytes, length);
  CHECK_OK(unit_compare(cache, name, 2, &model, &unit_error));

  spoil_header(bytes, length);
  /* Frames, here and there. */
  for (size_t at = 4096; at < length; at += 37001) {
    bytes[at] ^= 1;
    unit_write_file(segment(2), bytes, length);
    bytes[at] ^= 1;
    CHECK_ERROR(cache_verify(cache, name, 1, &unit_error), CACHE_DAMAGED);
    CHECK(strstr(unit_error.object, "/s0000000002.seg"));
    CHECK(strstr(unit_error.detail, "of generation 1 "));
  }
  bytes[4000] ^= 1; /* behind the header's message */
  unit_write_file(segment(2), bytes, length);
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
  unit_write_file(segment(2), bytes, length);
  free(bytes);
}

/* The next is above all that are there and that a handle was given; what is no
 * number of one, or cut, says nothing. */
static void numbers(void) {
  static const struct {
    uint64_t given;
    size_t length;
    unsigned next;
  } cases[] = {{5000, 8, 5001},       {3, 8, 5002},
               {70000, 4, 5003},      {UINT32_MAX, 8, 5004},
               {UINT64_MAX, 8, 5005}, {UINT32_MAX - 1, 8, UINT32_MAX}};
  char below[256];
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    snprintf(below, sizeof(below), "cache/%s/numbers", name);
    unit_write_file(unit_path(below), &cases[i].given, cases[i].length);
    open_cache();
    write_generation(8 + i, 0, 64, 0);
    CHECK(size_of(segment(cases[i].next)) > 0);
    cache_close(cache);
  }
  struct cache_write_options options = {8, 0};
  struct cache_writer *writer;
  open_cache();
  CHECK_ERROR(cache_begin(cache, name, &options, &writer, &unit_error),
              CAPTURE);
  CHECK(strstr(unit_error.detail, "no number is left"));
  cache_close(cache);
}

int main(void) {
  open_cache();
  CHECK_OK(cache_new_application(cache, "segments", name, &unit_error));
  write_generation(0, 0, 1000, 0); /* 4 MB as they are: five of 768 KiB */
  CHECK(size_of(segment(5)) > 0 && size_of(segment(7)) < 0);
  CHECK(size_of(segment(2)) == 4096 + 3 * 262144);
  CHECK_OK(unit_compare(cache, name, 1, &model, &unit_error));
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
  write_generation(1, 500, 100, 0);
  CHECK_OK(unit_compare(cache, name, 2, &model, &unit_error));
  spoil();

  /* What was allocated ahead is given back when the handle is closed. */
  unsigned last = 0;
  for (unsigned i = 1; i < 20; i++)
    if (size_of(segment(i)) >= 0)
      last = i;
  cache_close(cache);
  off_t used = size_of(segment(last));
  CHECK(used % 4096 == 0 && used < 1 << 20);

  /* Another handle leaves it as it is and begins a segment of its own. */
  unsigned char *before, *after;
  size_t length = unit_read_file(segment(last), &before);
  open_cache();
  write_generation(2, 700, 300, 1);
  CHECK(unit_read_file(segment(last), &after) == length);
  CHECK(memcmp(before, after, length) == 0);
  CHECK(size_of(segment(last + 1)) > 0);
  free(before);
  free(after);
  /* And goes on in that. */
  for (uint64_t number = 3; number < 8; number++)
    write_generation(number, 64 * (size_t)number, 64, 0);
  CHECK(size_of(segment(last + 2)) > 0 && size_of(segment(last + 5)) < 0);
  CHECK_OK(unit_compare(cache, name, 8, &model, &unit_error));
  for (uint64_t number = 1; number <= 8; number++)
    CHECK_OK(cache_verify(cache, name, number, &unit_error));
  cache_close(cache);
  numbers();
  CHECK(unit_mapped() == 0);
  return 0;
}
