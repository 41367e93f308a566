/* A generation file from a stranger: generation 2 of an application whose
 * generation 1 is whole and has a segment, to which 2 may refer as well. Once
 * as it is, once with its checksums made right. Of an encrypted application it
 * is never taken.
 */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"

#include "runtime/cache/format.h"
#include "runtime/cache/keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_pages(uint64_t address, const void *data, size_t count,
                      void *context) {
  const unsigned char *bytes = data;
  unsigned *sum = context;
  (void)address;
  for (size_t i = 0; i < count * CACHE_PAGE_SIZE; i += 512)
    *sum += bytes[i];
  *sum += bytes[count * CACHE_PAGE_SIZE - 1];
  return 0;
}

static int see_generation(const struct cache_generation *generation, int damage,
                          void *context) {
  (void)context;
  if (generation->number == 1 && damage)
    abort();
  return 0;
}

/* Opened means whole: what can be said of it must then not fail, but for
 * frames of pages, which are read later. */
static void read_generation(struct cache *cache) {
  struct cache_reader *reader;
  struct hwckpt_error error = {0};
  unsigned sum = 0;
  int result = cache_reader_open(cache, MEMORY_APPLICATION, 2, &reader, &error);
  if (result != 0 && (result != -(int)error.code || !error.object[0]))
    abort();
  if (result < 0)
    return;
  uint32_t type;
  const void *bytes;
  size_t length;
  for (size_t i = 0; cache_reader_record(reader, i, &type, &bytes, &length);
       i++)
    for (size_t at = 0; at < length; at++)
      sum += ((const unsigned char *)bytes)[at];
  struct cache_range all = {0, UINT64_MAX & ~(uint64_t)4095};
  struct cache_range some[] = {{4096, 65536}, {1u << 20, 1u << 28}};
  cache_replay(reader, &all, 1, read_pages, &sum, &error);
  cache_replay(reader, some, 2, read_pages, &sum, NULL);
  cache_reader_close(reader);
}

static void try(const unsigned char *bytes, size_t length) {
  struct cache *cache = memory_cache();
  memory_put(true, "g0000000002.ckpt", bytes, length);
  read_generation(cache);
  cache_verify(cache, MEMORY_APPLICATION, 2, NULL);
  cache_each_generation(cache, MEMORY_APPLICATION, see_generation, NULL, NULL);
  cache_close(cache);
  size_t now;
  const unsigned char *kept = memory_get(true, "g0000000002.ckpt", &now);
  if (now != length || (length && memcmp(kept, bytes, length) != 0))
    abort(); /* changed by reading */
}

static void try_encrypted(const unsigned char *bytes, size_t length) {
  static const struct cache_key ours = {"the user's key, of 32 bytes"};
  struct cache_reader *reader;
  memory_reset();
  struct cache *cache = memory_cache();
  cache_set_key(cache, &ours, true);
  memory_put(false, MEMORY_APPLICATION, "", 0);
  if (keys_make(cache, MEMORY_APPLICATION, NULL) < 0)
    abort();
  memory_put(true, "g0000000002.ckpt", bytes, length);
  if (!cache_reader_open(cache, MEMORY_APPLICATION, 2, &reader, NULL) ||
      !cache_verify(cache, MEMORY_APPLICATION, 2, NULL))
    abort();
  cache_close(cache);
}

#define PAGES 40 /* as they are, too much for the generation's own file */

static uint64_t write_base(void) {
  static unsigned char pages[PAGES * CACHE_PAGE_SIZE];
  struct cache_write_options options = {0, 0};
  struct cache_writer *writer;
  struct cache *cache = memory_cache();
  for (size_t i = 0; i < sizeof(pages); i++)
    pages[i] = (unsigned char)(i / 97);
  if (cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) < 0 ||
      cache_put_pages(writer, 4096, pages, PAGES, NULL) < 0 ||
      cache_put_record(writer, 1, "base", 4, NULL) < 0 ||
      cache_commit(writer, NULL, NULL) < 0)
    abort();
  cache_close(cache);
  size_t length;
  const unsigned char *bytes = memory_get(true, "g0000000001.ckpt", &length);
  struct format_tag tag;
  CacheHeader header = CacheHeader_init_zero;
  memcpy(&tag, bytes, sizeof(tag));
  if (!memory_get(true, "s0000000001.seg", &length) ||
      !format_decode_header(&header, bytes + sizeof(tag), tag.length))
    abort();
  return header.identity;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t length;
  memory_reset();
  uint64_t parent = write_base();
  try(data, size);
  unsigned char *resealed = reseal_generation(data, size, parent, &length);
  try(resealed, length);
  try_encrypted(data, size);
  try_encrypted(resealed, length);
  free(resealed);
  return 0;
}
