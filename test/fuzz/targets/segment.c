/* A segment from a stranger, in place of the one that generation 1 refers to:
 * once as it is, once with its header's checksum made right. */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 40 /* as they are, too much for the generation's own file */
static unsigned char pages[PAGES * CACHE_PAGE_SIZE];

static int compare(uint64_t address, const void *data, size_t count,
                   void *context) {
  (void)context;
  if (memcmp(data, pages + address - 4096, count * CACHE_PAGE_SIZE) != 0)
    abort();
  return 0;
}

static void write_base(void) {
  struct cache_write_options options = {0, 0};
  struct cache_writer *writer;
  struct cache *cache = memory_cache();
  for (size_t i = 0; i < sizeof(pages); i++)
    pages[i] = (unsigned char)(i / 97 + 1);
  if (cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) < 0 ||
      cache_put_pages(writer, 4096, pages, PAGES, NULL) < 0 ||
      cache_commit(writer, NULL, NULL) < 0)
    abort();
  cache_close(cache);
}

/* What follows the input is as it was, so that small inputs get far. */
static void try(const unsigned char *bytes, size_t length,
                const unsigned char *whole, size_t whole_length) {
  unsigned char *segment =
      malloc(whole_length > length ? whole_length : length);
  memcpy(segment, whole, whole_length);
  memcpy(segment, bytes, length);
  memory_put(true, "s0000000001.seg", segment,
             whole_length > length ? whole_length : length);
  free(segment);
  struct cache *cache = memory_cache();
  struct cache_reader *reader;
  struct cache_range all = {0, UINT64_MAX & ~(uint64_t)4095};
  if (cache_reader_open(cache, MEMORY_APPLICATION, 1, &reader, NULL) < 0)
    abort(); /* segments are looked at when pages are wanted */
  int verified = cache_verify(cache, MEMORY_APPLICATION, 1, NULL);
  if (cache_replay(reader, &all, 1, compare, NULL, NULL) != verified)
    abort();
  cache_reader_close(reader);
  cache_close(cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static unsigned char *whole;
  static size_t whole_length;
  if (!whole) {
    write_base();
    const unsigned char *bytes =
        memory_get(true, "s0000000001.seg", &whole_length);
    whole = malloc(whole_length);
    memcpy(whole, bytes, whole_length);
  }
  unsigned char *copy = malloc(size + 1);
  if (size)
    memcpy(copy, data, size);
  try(copy, size, whole, whole_length);
  reseal_tag(copy, size);
  try(copy, size, whole, whole_length);
  free(copy);
  return 0;
}
