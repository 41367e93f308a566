/* Files of another version of the format, whole in themselves, are told from
 * damaged ones: header, commit record, count of restores,
 * segment.
 */
// RUN: %unit/cache_other_version
// RUN: %unit/sanitized/cache_other_version
#include "Inputs/unit.h"

#include "runtime/cache/format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static struct cache *cache;
static char name[CACHE_NAME_MAX];
static struct model model = {.pages = 64};

/* The tag as docs/format.md has it, by the library's own hash. */
static void seal(unsigned char *tag, const unsigned char *message,
                 uint32_t version) {
  uint32_t length;
  memcpy(tag + 8, &version, sizeof(version));
  memcpy(&length, tag + 12, sizeof(length));
  uint64_t seed = XXH3_64bits(tag, 16);
  uint64_t checksum = XXH3_64bits_withSeed(message, length, seed);
  memcpy(tag + 16, &checksum, sizeof(checksum));
}

static const char *file(const char *suffix) {
  char below[256];
  char kind = strcmp(suffix, ".seg") == 0 ? 's' : 'g';
  snprintf(below, sizeof(below), "cache/%s/%c0000000001%s", name, kind, suffix);
  return unit_path(below);
}

/* Seals a tag anew, in the version and in another, and looks at both. */
static void change(const char *suffix, bool at_end) {
  unsigned char *bytes, *tag, *message;
  size_t length = unit_read_file(file(suffix), &bytes);
  uint32_t message_length;
  tag = at_end ? bytes + length - 24 : bytes;
  memcpy(&message_length, tag + 12, sizeof(message_length));
  message = at_end ? tag - message_length : tag + 24;
  unsigned char before[24];
  memcpy(before, tag, sizeof(before));
  seal(tag, message, FORMAT_VERSION);
  CHECK(memcmp(before, tag, sizeof(before)) == 0);
  seal(tag, message, FORMAT_VERSION + 1);
  unit_write_file(file(suffix), bytes, length);
  CHECK_ERROR(unit_compare(cache, name, 1, &model, &unit_error), CACHE_VERSION);
  CHECK(strstr(unit_error.detail, "version 5, this reads up to 4"));
  CHECK(strstr(unit_error.object, suffix));
  tag[16] ^= 1;
  unit_write_file(file(suffix), bytes, length);
  if (strcmp(suffix, ".seg") == 0) /* is not of that version */
    CHECK_OK(unit_compare(cache, name, 1, &model, &unit_error));
  else
    CHECK_ERROR(unit_compare(cache, name, 1, &model, &unit_error),
                CACHE_DAMAGED);
  memcpy(tag, before, sizeof(before));
  unit_write_file(file(suffix), bytes, length);
  CHECK_OK(unit_compare(cache, name, 1, &model, &unit_error));
  free(bytes);
}

int main(void) {
  struct cache_write_options options = {0, 0};
  struct cache_writer *writer;
  unsigned count;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "version", name, &unit_error));
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 0, 64, 1, &unit_error)); /* a segment */
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  CHECK_OK(cache_count_restore(cache, name, 1, &count, &unit_error));
  change(".ckpt", false);
  change(".ckpt", true);
  change(".restores", false);
  change(".seg", false);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
