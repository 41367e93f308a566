/* The small files of an application from a stranger: its weight, its turn, and
 * what counts segments and writers. Whatever they say, checkpoints are taken,
 * merged and given up, and what is kept is whole.
 *
 * Input: u8 which, its bytes.
 */
#include "../Inputs/memory_io.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 40 /* more than a generation's own file takes */

static void write_one(struct cache *cache, uint64_t parent) {
  static unsigned char pages[PAGES * CACHE_PAGE_SIZE];
  struct cache_write_options options = {.parent = parent, .level = 1};
  struct cache_writer *writer;
  uint32_t random = (uint32_t)parent + 1;
  for (size_t i = 0; i < sizeof pages; i++)
    pages[i] = (unsigned char)((random = random * 1664525 + 1013904223) >> 24);
  if (cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) < 0)
    return;
  if (cache_put_pages(writer, 0x10000, pages, PAGES, NULL) < 0) {
    cache_abort(writer);
    return;
  }
  cache_commit(writer, NULL, NULL);
}

static int check(const struct cache_generation *generation, int damage,
                 void *context) {
  if (damage ||
      cache_verify(context, MEMORY_APPLICATION, generation->number, NULL))
    abort();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = {"weight", "lock", "numbers", "writers",
                                      "readers"};
  const struct cache_retention few = {
      .keep = 1, .quota = 1 << 20, .shared_quota = 2 << 20, .weight = 3};
  const struct cache_merge_options merging = {.level = 1, .always = true};
  struct cache_merge_result merged;
  if (!size)
    return 0;
  memory_reset();
  struct cache *cache = memory_cache();
  memory_put(false, MEMORY_APPLICATION, "", 0);
  for (unsigned when = 0; when < 3; when++) {
    memory_put(true, names[data[0] % 5], data + 1, size - 1);
    write_one(cache, when);
    if (when == 1)
      cache_merge(cache, MEMORY_APPLICATION, &merging, &merged, NULL);
    if (when == 2)
      cache_retain(cache, MEMORY_APPLICATION, &few, NULL);
  }
  cache_each_generation(cache, MEMORY_APPLICATION, check, cache, NULL);
  cache_close(cache);
  return 0;
}
