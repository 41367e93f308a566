/* What is seen of spans in layers, against a plain array, with many and few in
 * memory; and each operation on their file may fail. */
// RUN: %unit/layers
// RUN: %unit/sanitized/layers
#include "Inputs/unit.h"

#include "runtime/cache/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PAGES 600
static const uint64_t page = CACHE_PAGE_SIZE;

/* ---- operations on the file, of which one fails ---- */

enum operation { NONE, CREATE, WRITE, READ, ALTERED, SHORT };
static enum operation planned;
static unsigned left; /* operations of that kind until then */
static int made;

static bool strike(enum operation operation) {
  return planned == operation && left-- == 0;
}
static int io_openat(int fd, const char *path, int flags, unsigned mode) {
  if (strcmp(path, "layers.tmp") != 0)
    return cache_io_kernel.openat(fd, path, flags, mode);
  made++;
  return strike(CREATE) ? -EMFILE
                        : cache_io_kernel.openat(fd, path, flags, mode);
}
static long io_pwrite(int fd, const void *buffer, size_t length,
                      uint64_t offset) {
  return strike(WRITE) ? -ENOSPC
                       : cache_io_kernel.pwrite(fd, buffer, length, offset);
}
static long io_pread(int fd, void *buffer, size_t length, uint64_t offset) {
  if (strike(READ))
    return -EIO;
  long got = cache_io_kernel.pread(fd, buffer, length, offset);
  if (strike(ALTERED))
    ((unsigned char *)buffer)[unit_random((unsigned)length)] ^= 8;
  return strike(SHORT) ? 0 : got;
}

static struct cache_io io;
static const struct cache_env env = {
    .io = &io, .map = unit_map, .unmap = unit_unmap};
static struct cache *cache;
static struct place place;
static int directory;

/* ---- what is seen ---- */

static struct span random_span(unsigned longest) {
  uint64_t begin = unit_random(PAGES - longest);
  uint64_t end = begin + 1 + unit_random(longest);
  uint64_t slot = unit_random(4) ? unit_random(100000) : SPAN_NO_SLOT;
  return (struct span){begin * page, end * page, slot};
}

/* array[i]: 0 nothing, 1 no slot, else slot + 2. */
static void paint(uint64_t *array, const struct span *span) {
  for (uint64_t i = span->begin / page; i < span->end / page; i++)
    array[i] = span->slot == SPAN_NO_SLOT
                   ? 1
                   : span->slot + (i - span->begin / page) + 2;
}

struct seen {
  uint64_t array[PAGES], end;
};

static int see(void *context, const struct span *piece,
               struct hwckpt_error *error) {
  struct seen *seen = context;
  (void)error;
  CHECK(planned == ALTERED ||
        (piece->begin >= seen->end && piece->begin < piece->end));
  seen->end = piece->end;
  if (piece->end <= PAGES * page)
    paint(seen->array, piece);
  return 0;
}

static struct layers begin(size_t most) {
  return (struct layers){.most = most, .file.fd = -1};
}

/* Appends so many; whether that failed. */
static int append(struct layers *layers, unsigned count, unsigned longest,
                  uint64_t *array) {
  int result = 0;
  for (unsigned i = 0; i < count && result == 0; i++) {
    struct span span = random_span(longest);
    result = layers_append(layers, &place, directory, span, &unit_error);
    paint(array, &span);
  }
  return result;
}

/* Spans in memory at most 4 to 103, or all. */
static void once(bool all) {
  struct layers layers = begin(all ? SIZE_MAX : 4 + unit_random(100));
  uint64_t array[PAGES] = {0};
  int before = made;
  unsigned count = unit_random(900);
  CHECK_OK(append(&layers, count, 1 + unit_random(40), array));
  CHECK(!all || made == before);
  CHECK(access(unit_path("cache/layers.tmp"), F_OK) < 0);
  for (int again = 0; again < 2; again++) {
    struct seen seen = {0};
    CHECK_OK(layers_each(&layers, &place, see, &seen, &unit_error));
    CHECK(memcmp(seen.array, array, sizeof(array)) == 0);
    CHECK(all || spans_count(&layers.recent) <= 2 * layers.most + 1);
  }
  layers_free(&layers, &place, directory);
}

/* Those of one program: each of its pages again and again, in the same order.
 */
static void rounds(void) {
  struct layers layers = begin(1000);
  uint64_t array[PAGES] = {0};
  struct seen seen = {0};
  for (uint64_t i = 0; i < 100000; i++) {
    uint64_t at = i * 2 % PAGES;
    struct span span = {at * page, (at + 1) * page, i};
    CHECK_OK(layers_append(&layers, &place, directory, span, &unit_error));
    paint(array, &span);
  }
  CHECK(layers.lower.length == 0); /* what is covered goes */
  CHECK_OK(layers_each(&layers, &place, see, &seen, &unit_error));
  CHECK(memcmp(seen.array, array, sizeof(array)) == 0);
  layers_free(&layers, &place, directory);
}

/* ---- failures ---- */

/* Each operation of the kind by turns; what comes of it. */
static void fails(enum operation operation, int code, int number) {
  bool hit = true;
  for (unsigned at = 0; hit; at++) {
    struct layers layers = begin(50);
    struct hwckpt_error error = {0};
    uint64_t array[PAGES] = {0};
    struct seen seen = {0};
    planned = operation;
    left = at;
    int result = append(&layers, 600, 3, array);
    error = unit_error;
    if (result == 0)
      result = layers_each(&layers, &place, see, &seen, &error);
    hit = left == UINT32_MAX;
    planned = NONE;
    CHECK(hit || at >= 1);
    CHECK(result == (hit ? -code : 0));
    if (hit)
      CHECK((int)error.code == code && error.sys_errno == number &&
            strstr(error.object, "layers.tmp"));
    else
      CHECK(memcmp(seen.array, array, sizeof(array)) == 0);
    layers_free(&layers, &place, directory);
  }
}

int main(void) {
  io = cache_io_kernel;
  io.openat = io_openat;
  io.pwrite = io_pwrite;
  io.pread = io_pread;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  place = (struct place){cache, "application", "layers.tmp"};
  directory = open(unit_path("cache"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(directory >= 0);
  int descriptors = unit_descriptors();
  for (int round = 0; round < 2000; round++)
    once(round % 4 == 0);
  CHECK(made > 500);
  rounds();
  fails(CREATE, HWCKPT_E_CACHE_IO, EMFILE);
  fails(WRITE, HWCKPT_E_CACHE_FULL, ENOSPC);
  fails(READ, HWCKPT_E_CACHE_IO, EIO);
  fails(SHORT, HWCKPT_E_CACHE_IO, EIO);
  fails(ALTERED, HWCKPT_E_CACHE_IO, EIO);
  CHECK(unit_descriptors() == descriptors);
  close(directory);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
