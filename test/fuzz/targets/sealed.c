/* An encrypted stream from a stranger, or from one who has the key: as it is,
 * and with each chunk, and the checksums, encrypted anew, so that what is
 * behind the key is looked at. What is refused leaves no generation. */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"
#include "../Inputs/stream_input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether it was taken. */
static bool take(const uint8_t *data, size_t size, const struct seal_key *key) {
  struct stream_input input = {.data = data, .length = size, .key = key};
  const struct copy_sources sources = stream_input_sources(&input);
  struct cache_generation result;
  memory_reset();
  struct cache *cache = memory_cache();
  int failed =
      copy_in(cache, MEMORY_APPLICATION, &sources, 0, &result, NULL) < 0;
  size_t length;
  if (failed ? memory_get(true, "g0000000001.ckpt", &length) != NULL
             : cache_verify(cache, MEMORY_APPLICATION, result.number, NULL))
    abort();
  cache_close(cache);
  return !failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const struct seal_key key = {"key"}, other = {"other"};
  size_t length;
  if (take(data, size, &other))
    abort(); /* without the key */
  take(data, size, &key);
  uint8_t *sealed = seal_stream(data, size, &key, &length);
  if (sealed && take(sealed, length, &key)) {
    if (take(sealed, length, &other) || take(sealed, length, NULL))
      abort();
    sealed[length / 2] ^= 1;
    if (take(sealed, length, &key))
      abort(); /* altered */
  }
  free(sealed);
  return 0;
}
