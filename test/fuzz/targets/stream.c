/* A stream from a stranger, as `hwckpt import` and a restore from a tier take
 * it in: once as it is, once with its checksums made right. What is refused
 * leaves no generation; what is taken is whole, and gives a stream again. */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"
#include "../Inputs/stream_input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int drop(void *context, const void *data, size_t length,
                struct hwckpt_error *error) {
  (void)context;
  (void)data;
  (void)length;
  (void)error;
  return 0;
}

static void try(const uint8_t *data, size_t size) {
  struct stream_input input = {data, size, 0, NULL};
  const struct copy_sources sources = stream_input_sources(&input);
  const struct stream_sink sink = {.write = drop};
  struct cache_generation result;
  struct cache_reader *reader;
  memory_reset();
  struct cache *cache = memory_cache();
  if (copy_in(cache, MEMORY_APPLICATION, &sources, 0, &result, NULL) < 0) {
    size_t length;
    if (memory_get(true, "g0000000001.ckpt", &length))
      abort();
  } else if (cache_verify(cache, MEMORY_APPLICATION, result.number, NULL) ||
             cache_reader_open(cache, MEMORY_APPLICATION, result.number,
                               &reader, NULL))
    abort();
  else {
    if (copy_out(cache, reader, NULL, 1, &sink, NULL))
      abort();
    cache_reader_close(reader);
  }
  cache_close(cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size ? size : 1);
  if (size)
    memcpy(copy, data, size);
  try(copy, size);
  reseal_stream(copy, size);
  try(copy, size);
  free(copy);
  return 0;
}
