/* level=auto: what is chosen follows the measured rates of coding and of the
 * device, and content that changes; what does not shrink is stored as it is,
 * what does is not; a level that is given stays; the device's rate is learned
 * from writes that are waited for, however slow it is made. */
// RUN: %unit/cache_level
// RUN: %unit/sanitized/cache_level
#include "Inputs/unit.h"

#include "runtime/cache/codec.h"
#include "runtime/cache/pace.h"

#define MB UINT64_C(1000000)
#define FRAME ((size_t)256 << 10)

/* Bytes a second at each level, and 256 times the factor of shrinking. */
struct content {
  uint64_t rate[PACE_LEVELS];
  size_t shrink[PACE_LEVELS];
};
static const struct content text = {{0, 1000, 600, 300, 100},
                                    {256, 563, 768, 845, 896}};
static const struct content doubles = {{0, 900, 400, 200, 60},
                                       {256, 262, 282, 284, 287}};
static const struct content noise = {{0, 2000, 1500, 800, 100},
                                     {256, 256, 256, 256, 256}};

/* The zstd level after so many frames. */
static int level_after(struct pace *pace, const struct content *content,
                       uint64_t device, unsigned frames) {
  for (unsigned i = 0; i < frames; i++) {
    unsigned level = pace_next(pace);
    size_t stored = FRAME * 256 / content->shrink[level];
    if (level)
      pace_coded(pace, level, FRAME, stored,
                 FRAME * 1000 / content->rate[level]);
    uint64_t ns = stored * 1000000000u / device;
    pace_wrote(pace, stored, ns, ns);
  }
  return pace_level(pace->level);
}

static void choose(void) {
  static const struct {
    const struct content *content;
    uint64_t device;
    int level;
  } cases[] = {{&text, 2000 * MB, -3}, {&text, 50 * MB, 3},
               {&text, 5 * MB, 6},     {&doubles, 2000 * MB, 0},
               {&doubles, 20 * MB, 1}, {&noise, 2000 * MB, 0},
               {&noise, 20 * MB, 0}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct pace pace = {0};
    int level = level_after(&pace, cases[i].content, cases[i].device, 1000);
    printf("case %zu: level %d\n", i, level);
    CHECK(level == cases[i].level);
    /* Other content, and back, within 32 MiB each. */
    CHECK(level_after(&pace, &noise, cases[i].device, 128) == 0);
    CHECK(level_after(&pace, &text, 50 * MB, 128) > 0);
  }
}

static void learn_device(void) {
  struct pace pace = {0};
  /* Not waited for: it can do that and more. */
  pace_wrote(&pace, 8 * MB, 100 * MB, 0);
  CHECK(pace_device(&pace) == 80 * MB);
  pace_wrote(&pace, 8 * MB, 200 * MB, 0);
  CHECK(pace_device(&pace) == 80 * MB);
  for (int i = 0; i < 30; i++)
    pace_wrote(&pace, 8 * MB, 800 * MB, 700 * MB);
  CHECK(pace_device(&pace) > 9 * MB && pace_device(&pace) < 11 * MB);
}

/* Before anything is known, little by little, and at the ends. */
static void learn_first(void) {
  struct pace pace = {0};
  CHECK(pace_level(pace_next(&pace)) == 1);
  CHECK(pace_device(&pace) == UINT64_C(1) << 30);
  pace_wrote(&pace, 80 * MB, 1000 * MB, 0);
  pace_wrote(&pace, 40 * MB, 1000 * MB, 125 * MB); /* waited for an eighth */
  CHECK(pace_device(&pace) == 70 * MB);
  pace_wrote(&pace, 40 * MB, 1000 * MB, 124 * MB);
  CHECK(pace_device(&pace) == 70 * MB);
  pace = (struct pace){0};
  pace_wrote(&pace, 1, 10000 * MB, 10000 * MB); /* less than a byte a second */
  CHECK(pace_device(&pace) == 1);
  pace_wrote(&pace, 1, 0, 0);
  CHECK(pace_device(&pace) > 0);
  for (unsigned i = 1; i < PACE_LEVELS; i++)
    CHECK(pace_encoder_size() >= codec_encoder_size(pace_level(i)));
}

/* ---- a cache on a slow device ---- */

static uint64_t waited_ns; /* for the device, beside the time there is */

static long slow_pwrite(int fd, const void *buffer, size_t length,
                        uint64_t offset) {
  waited_ns += length * 50; /* 20 MB/s */
  return cache_io_kernel.pwrite(fd, buffer, length, offset);
}
static uint64_t slow_clock(void) {
  return cache_io_kernel.monotonic_ns() + waited_ns;
}

#define PAGES 4096
static unsigned char pages[PAGES * (size_t)CACHE_PAGE_SIZE];

static struct cache_generation write_all(struct cache *cache,
                                         struct cache_pace *pace) {
  struct cache_write_options options = {0, CACHE_LEVEL_AUTO};
  struct cache_generation generation;
  struct cache_writer *writer;
  char name[CACHE_NAME_MAX];
  CHECK_OK(cache_new_application(cache, "level", name, &unit_error));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(cache_put_pages(writer, UNIT_BASE, pages, PAGES, &unit_error));
  cache_writer_pace(writer, pace);
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
  return generation;
}

static void write_slowly(void) {
  struct cache_io io = cache_io_kernel;
  struct cache_env env = {.io = &io, .map = unit_map, .unmap = unit_unmap};
  struct cache *cache;
  struct cache_pace pace;
  io.pwrite = slow_pwrite;
  io.monotonic_ns = slow_clock;
  unit_use_queue(&io);
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  for (size_t i = 0; i < sizeof(pages); i++)
    pages[i] = (unsigned char)unit_random(256);
  CHECK(write_all(cache, &pace).bytes > sizeof(pages));
  CHECK(pace.level == 0);
  CHECK(pace.device > 10 * MB && pace.device < 21 * MB);
  CHECK(pace.waited_ns > sizeof(pages) * 40);
  for (size_t i = 0; i < sizeof(pages); i++)
    pages[i] = (unsigned char)("checkpoint"[unit_random(10)]);
  write_all(cache, &pace); /* finds out */
  CHECK(write_all(cache, &pace).bytes < sizeof(pages) / 2);
  CHECK(pace.level != 0);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
}

/* A level that is given stays, however slow the device is. */
static uint64_t bytes_at(struct cache *cache, int level) {
  struct cache_write_options options = {0, level};
  struct cache_generation generation;
  struct cache_writer *writer;
  char name[CACHE_NAME_MAX];
  CHECK_OK(cache_new_application(cache, "pinned", name, &unit_error));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(cache_put_pages(writer, UNIT_BASE, pages, PAGES / 4, &unit_error));
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
  return generation.bytes;
}

static void pin(void) {
  static const char *const words[] = {"iron", "copper", "zinc", "silver",
                                      "tin",  "lead",   "gold", "nickel"};
  static const int levels[] = {0, -3, 1, 6, 19};
  struct cache_io io = cache_io_kernel;
  struct cache_env slow = {.io = &io, .map = unit_map, .unmap = unit_unmap};
  struct cache *fast_cache, *slow_cache;
  io.pwrite = slow_pwrite;
  io.monotonic_ns = slow_clock;
  unit_use_queue(&io);
  CHECK_OK(
      cache_open(&slow, unit_path("slow"), true, &slow_cache, &unit_error));
  CHECK_OK(
      cache_open(&unit_env, unit_path("fast"), true, &fast_cache, &unit_error));
  for (size_t at = 0; at + 16 < sizeof(pages);)
    at += (size_t)snprintf((char *)pages + at, 16, "%s-%u ",
                           words[unit_random(8)], unit_random(1000));
  uint64_t above = UINT64_MAX;
  for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
    uint64_t bytes = bytes_at(fast_cache, levels[i]);
    printf("level %d: %llu bytes\n", levels[i], (unsigned long long)bytes);
    CHECK(bytes < above && bytes_at(slow_cache, levels[i]) == bytes);
    CHECK(levels[i] || bytes > sizeof(pages) / 4);
    above = bytes;
  }
  cache_close(slow_cache);
  cache_close(fast_cache);
  CHECK(unit_mapped() == 0);
}

int main(void) {
  unit_seed(1);
  choose();
  learn_device();
  learn_first();
  write_slowly();
  pin();
  return 0;
}
