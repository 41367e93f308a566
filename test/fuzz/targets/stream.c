/* A stream from a stranger, as `hwckpt import` and a restore from a tier take
 * it in: once as it is, once with its checksums made right. All that is handed
 * out of it can be; what is refused leaves no generation; what is taken is
 * whole, and gives a stream again. */
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

/* ---- what is handed out ---- */

struct handed_out {
  size_t processes;
  unsigned sum;
};

static int see_process(const struct stream_identity *identity, void *context) {
  struct handed_out *out = context;
  if (strnlen(identity->application, sizeof identity->application) ==
          sizeof identity->application ||
      identity->part != (out->processes > 0))
    abort();
  out->processes++;
  return 0;
}

static int see_record(uint32_t type, const void *data, size_t length,
                      void *context) {
  struct handed_out *out = context;
  (void)type;
  for (size_t i = 0; i < length; i++)
    out->sum += ((const uint8_t *)data)[i];
  return 0;
}

static int see_hole(uint64_t begin, uint64_t end, void *context) {
  (void)context;
  if (begin >= end || (begin | end) % CACHE_PAGE_SIZE ||
      end > STREAM_NUMBER_MAX)
    abort();
  return 0;
}

static int see_pages(uint64_t address, const void *data, size_t count,
                     void *context) {
  return !count
         ? abort(),
         0
         : see_hole(address, address + count * CACHE_PAGE_SIZE, context) ||
               see_record(0, data, count * CACHE_PAGE_SIZE, context);
}

static int see_common(size_t process, uint64_t address, const void *data,
                      size_t count, void *context) {
  const struct handed_out *out = context;
  return process >= out->processes ? abort(),
         0                         : see_pages(address, data, count, context);
}

static void look_through(const uint8_t *data, size_t size) {
  struct stream_input input = {.data = data, .length = size};
  const struct copy_sources sources = stream_input_sources(&input);
  struct handed_out out = {0};
  struct stream_source source;
  const struct stream_visitor visitor = {see_process, see_record, see_hole,
                                         see_pages,   see_common, &out};
  if (sources.open(sources.context, 0, &source, NULL) ||
      (!stream_read(&source, &visitor, NULL) && !out.processes))
    abort();
}

/* ---- what is taken in ---- */

/* A whole stream of generation 1. */
struct base {
  uint8_t bytes[4096];
  size_t length;
};

static int keep(void *context, const void *data, size_t length,
                struct hwckpt_error *error) {
  struct base *base = context;
  (void)error;
  if (length > sizeof base->bytes - base->length)
    abort();
  memcpy(base->bytes + base->length, data, length);
  base->length += length;
  return 0;
}

static const struct base *make_base(void) {
  static struct base base;
  static const uint8_t pages[16 * CACHE_PAGE_SIZE] = {1};
  const struct stream_identity identity = {
      .application = MEMORY_APPLICATION, .number = 1, .identity = 5};
  const struct stream_sink sink = {.write = keep, .context = &base};
  struct stream_writer *writer;
  if (!base.length &&
      (stream_begin(&sink, &identity, 1, &writer, NULL) ||
       stream_end(writer,
                  stream_put_pages(writer, CACHE_PAGE_SIZE, pages, 16, NULL),
                  NULL)))
    abort();
  return &base;
}

static void try_in(const uint8_t *data, size_t size, const struct base *base) {
  struct stream_input input = {.data = data, .length = size};
  if (base) {
    input.base = base->bytes;
    input.base_length = base->length;
  }
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

static void try(const uint8_t *data, size_t size) {
  look_through(data, size);
  try_in(data, size, NULL);
  try_in(data, size, make_base());
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
