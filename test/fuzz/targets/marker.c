/* A marker file from a stranger: opened or refused, never changed. */
#include "../Inputs/memory_io.h"

#include "runtime/cache/format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct cache *cache;
  struct hwckpt_error error = {0};
  memory_reset();
  memory_put(false, FORMAT_MARKER_FILE, data, size);
  int result = cache_open(&memory_env, MEMORY_CACHE, true, &cache, &error);
  if (result != -(int)error.code)
    abort();
  bool whole = size == 15 && memcmp(data, "hwckpt-cache ", 13) == 0 &&
               data[13] >= '1' && data[13] <= '4' && data[14] == '\n';
  if (whole != (result == 0))
    abort();
  cache_close(cache);
  size_t length;
  const unsigned char *kept = memory_get(false, FORMAT_MARKER_FILE, &length);
  if (length != size || (size && memcmp(kept, data, size) != 0))
    abort();
  return 0;
}
