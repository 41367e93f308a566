/* Directories with whatever names: one a line, those that begin with '/' in the
 * application's directory. A writer comes afterwards and must cope.
 */
#include "../Inputs/memory_io.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int see_application(const struct cache_application *application,
                           void *context) {
  (void)context;
  if (strcmp(application->name, MEMORY_APPLICATION) != 0)
    abort(); /* the others are files */
  return 0;
}

static int see_generation(const struct cache_generation *generation, int damage,
                          void *context) {
  uint64_t *last = context;
  if (!damage || generation->number <= *last)
    abort(); /* all are empty files; numbers ascend */
  *last = generation->number;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  memory_reset();
  while (size) {
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) : size;
    bool below = length && data[0] == '/';
    char name[256] = "";
    size_t copied = length - below < 255 ? length - below : 255;
    memcpy(name, data + below, copied);
    if (name[0] && !strchr(name, '/'))
      memory_put(below, name, "", 0);
    size -= end ? length + 1 : length;
    data += end ? length + 1 : length;
  }
  struct cache *cache = memory_cache();
  uint64_t last = 0;
  memory_put(false, MEMORY_APPLICATION, "", 0); /* so that it is listed */
  cache_each_application(cache, see_application, NULL, NULL);
  cache_each_generation(cache, MEMORY_APPLICATION, see_generation, &last, NULL);
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  if (last < UINT64_MAX &&
      cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) == 0) {
    if (cache_writer_number(writer) != last + 1)
      abort();
    cache_commit(writer, NULL, NULL);
  }
  const struct cache_retention retention = {.keep = 1};
  const struct cache_merge_options merging = {.level = 1, .always = true};
  struct cache_merge_result merged;
  cache_merge(cache, MEMORY_APPLICATION, &merging, &merged, NULL);
  cache_retain(cache, MEMORY_APPLICATION, &retention, NULL);
  cache_close(cache);
  return 0;
}
