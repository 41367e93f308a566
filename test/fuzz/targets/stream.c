/* A stream from a stranger, as `hwckpt import` and a restore from a tier take
 * it in: once as it is, once with its checksums made right. What is refused
 * leaves no generation; what is taken is whole, and gives a stream again. */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"

#include "tools/tiers/copy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
  const uint8_t *data;
  size_t length, at;
};

static int get(void *context, void *data, size_t length, size_t *got,
               struct hwckpt_error *error) {
  struct bytes *bytes = context;
  (void)error;
  size_t left = bytes->length - bytes->at;
  *got = length < left ? length : left;
  if (*got)
    memcpy(data, bytes->data + bytes->at, *got);
  bytes->at += *got;
  return 0;
}

static int begin(void *context, size_t i, struct stream_source *source,
                 struct hwckpt_error *error) {
  struct bytes *bytes = context;
  (void)i;
  (void)error;
  bytes->at = 0;
  *source = (struct stream_source){get, bytes, "input", NULL};
  return 0;
}

static void end(void *context, size_t i) {
  (void)context;
  (void)i;
}

static int drop(void *context, const void *data, size_t length,
                struct hwckpt_error *error) {
  (void)context;
  (void)data;
  (void)length;
  (void)error;
  return 0;
}

static void try(const uint8_t *data, size_t size) {
  struct bytes bytes = {data, size, 0};
  const struct copy_sources sources = {begin, end, &bytes, 1};
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
