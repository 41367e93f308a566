/* Every truncation and every flipped bit of a generation gives an error that
 * names the file and the byte, never other content and never a crash; nothing
 * on disk is changed by looking. Verifying finds what was written wrong. */
// RUN: %unit/cache_damaged
// RUN: env UNIT_KEY=1 %unit/cache_damaged
// RUN: %unit/sanitized/cache_damaged
#include "Inputs/unit.h"

#include "../../runtime/cache/writer.h"

static struct cache *cache;
static char name[CACHE_NAME_MAX];
static struct model model = {.pages = 64};

/* Counts what was delivered before the damage was met: it must be right. */
static int check(uint64_t number) {
  struct hwckpt_error error = {0};
  int result = unit_compare(cache, name, number, &model, &error);
  if (result == 0)
    return 0;
  CHECK(result == -(int)error.code);
  CHECK(strstr(error.object, "/g000000000"));
  CHECK(error.code == HWCKPT_E_CACHE_DAMAGED ||
        error.code == HWCKPT_E_CACHE_TRUNCATED ||
        error.code == HWCKPT_E_CACHE_VERSION ||
        error.code == HWCKPT_E_CHAIN_BROKEN);
  if (error.code == HWCKPT_E_CACHE_DAMAGED ||
      error.code == HWCKPT_E_CACHE_TRUNCATED)
    CHECK(strstr(error.detail, "at byte "));
  return result;
}

/* The page that delivers before another frame is found damaged is checked by
 * unit_compare() as well: it dies on wrong content. */
static void damage(uint64_t number, const char *file) {
  unsigned char *bytes;
  size_t length = unit_read_file(unit_path(file), &bytes);
  printf("generation %llu: %zu bytes\n", (unsigned long long)number, length);
  for (size_t cut = 0; cut < length; cut++) {
    unit_write_file(unit_path(file), bytes, cut);
    CHECK(check(2) < 0);
    CHECK(number == 2 || cache_verify(cache, name, 1, NULL) < 0);
  }
  size_t unread = 0;
  for (size_t bit = 0; bit < length * 8; bit++) {
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    unit_write_file(unit_path(file), bytes, length);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    /* The parent's records are no part of what is read of its child. */
    unread += check(2) == 0;
    CHECK(cache_verify(cache, name, number, NULL) < 0);
  }
  /* Hashes of pages are for writers: of one page here. */
  size_t hashes = getenv("UNIT_KEY") ? 16 + 40 : 16;
  CHECK(number == 1 || unread == hashes * 8);
  bytes[length] = 0; /* one byte too many */
  unit_write_file(unit_path(file), bytes, length + 1);
  CHECK(check(2) < 0);
  unit_write_file(unit_path(file), bytes, length);
  CHECK(check(2) == 0);
  free(bytes);
}

static void write_generation(uint64_t parent, size_t first, size_t count,
                             unsigned version) {
  struct cache_write_options options = {parent, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  for (size_t i = 0; i < count; i += 2) {
    char page[CACHE_PAGE_SIZE] = {0};
    uint64_t address = UNIT_BASE + (first + i) * CACHE_PAGE_SIZE;
    unit_fill(page, address, version);
    model.version[first + i] = version;
    CHECK_OK(cache_put_pages(writer, address, page, 1, &unit_error));
  }
  if (parent)
    CHECK_OK(unit_put_hole(writer, &model, 40, 8, &unit_error));
  CHECK_OK(cache_put_record(writer, 3, "a record", 8, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
}

/* A version of pages at `first` that codes to few bytes, so that every bit of
 * the file can be tried. */
static unsigned small_version(size_t first) {
  for (unsigned version = 1;; version++) {
    char page[CACHE_PAGE_SIZE];
    unit_fill(page, UNIT_BASE + first * CACHE_PAGE_SIZE, version);
    uint64_t middle[2];
    memcpy(middle, page + 2048, sizeof(middle));
    if (middle[0] == 0 && middle[1] == 0)
      return version;
  }
}

/* Whole as it was written, which was not what was put. */
static void write_wrong(void) {
  struct cache_write_options options = {2, 1};
  struct cache_writer *writer;
  struct cache_generation generation;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  for (size_t i = 0; i < 2; i++) {
    char page[CACHE_PAGE_SIZE];
    unit_fill(page, UNIT_BASE + i * CACHE_PAGE_SIZE, 1000);
    CHECK_OK(cache_put_pages(writer, UNIT_BASE + i * CACHE_PAGE_SIZE, page, 1,
                             &unit_error));
  }
  CHECK(writer->frame_used == 2);
  writer->frame[CACHE_PAGE_SIZE + 5] ^= 1;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  CHECK(cache_verify(cache, name, generation.number, &unit_error) ==
        -HWCKPT_E_CACHE_DAMAGED);
  CHECK(strstr(unit_error.detail, "hash"));
}

int main(void) {
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "damaged", name, &unit_error));
  write_generation(0, 4, 1, small_version(4));
  write_generation(1, 5, 1, small_version(5));
  char file[CACHE_NAME_MAX + 64];
  snprintf(file, sizeof(file), "cache/%s/g0000000002.ckpt", name);
  damage(2, file);
  snprintf(file, sizeof(file), "cache/%s/g0000000001.ckpt", name);
  damage(1, file);
  write_wrong();
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
