/* A count of restores from a stranger, once as it is, once with its checksum
 * made right.
 */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(const uint8_t *data, size_t size) {
  struct cache *cache = memory_cache();
  struct cache_reader *reader;
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  unsigned count;
  size_t length;
  if (!memory_get(true, "g0000000001.ckpt", &length) &&
      (cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) < 0 ||
       cache_commit(writer, NULL, NULL) < 0))
    abort();
  memory_put(true, "g0000000001.restores", data, size);
  if (cache_reader_open(cache, MEMORY_APPLICATION, 1, &reader, NULL) == 0) {
    unsigned before = cache_reader_generation(reader)->restores;
    cache_reader_close(reader);
    if (cache_count_restore(cache, MEMORY_APPLICATION, 1, &count, NULL) < 0 ||
        (count != before + 1 && before != UINT32_MAX))
      abort();
  } else {
    if (cache_count_restore(cache, MEMORY_APPLICATION, 1, &count, NULL) == 0)
      abort();
    const unsigned char *kept =
        memory_get(true, "g0000000001.restores", &length);
    if (length != size || (size && memcmp(kept, data, size) != 0))
      abort();
  }
  cache_close(cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  try(data, size);
  uint8_t *copy = malloc(size ? size : 1);
  if (size)
    memcpy(copy, data, size);
  reseal_tag(copy, size);
  try(copy, size);
  free(copy);
  return 0;
}
