/* turned CACHE APPLICATION NUMBER - writes that generation of a set of regions once
 * more, as a machine of the other order of bytes would have. */
#include "runtime/cache/cache.h"
#include "runtime/support/record_types.h"

#include "records.pb.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGIONS 16

static struct hwckpt_error error;
static struct cache_writer *writer;
static Region regions[REGIONS];
static size_t count;

static void need(int result) {
  char text[1400];
  if (result >= 0)
    return;
  hwckpt_error_text(&error, "turned", text, sizeof text);
  fputs(text, stderr);
  exit(1);
}

static void put_set(RegionSet *set) {
  pb_byte_t bytes[256];
  pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof bytes);
  set->byte_order = 3 - set->byte_order;
  if (!pb_encode(&stream, RegionSet_fields, set))
    exit(1);
  need(cache_put_record(writer, RECORD_REGION_SET, bytes, stream.bytes_written,
                        &error));
}

static void put_record(uint32_t type, const void *data, size_t length) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  RegionSet set = RegionSet_init_zero;
  if (type == RECORD_REGION_SET) {
    if (!pb_decode(&stream, RegionSet_fields, &set))
      exit(1);
    put_set(&set);
    return;
  }
  if (count == REGIONS || !pb_decode(&stream, Region_fields, &regions[count++]))
    exit(1);
  need(cache_put_record(writer, type, data, length, &error));
}

/* No element is in two pages. */
static int put_pages(uint64_t address, const void *data, size_t pages,
                     void *context) {
  const Region *region = context;
  static unsigned char page[CACHE_PAGE_SIZE];
  for (size_t i = 0; i < pages; i++) {
    const unsigned char *from = (const unsigned char *)data + i * sizeof page;
    for (size_t at = 0; at < sizeof page; at++)
      page[at] = from[at / region->element * region->element +
                      region->element - 1 - at % region->element];
    need(cache_put_all_pages(writer, address + i * sizeof page, page, 1,
                             &error));
  }
  return 0;
}

int main(int argc, char **argv) {
  struct cache *cache;
  struct cache_reader *reader;
  struct cache_write_options options = {.level = 1};
  uint32_t type;
  const void *data;
  size_t length;
  if (argc != 4)
    return 2;
  need(cache_open(&cache_env_kernel, argv[1], false, &cache, &error));
  need(cache_reader_open(cache, argv[2], strtoull(argv[3], NULL, 10), &reader,
                         &error));
  need(cache_begin(cache, argv[2], &options, &writer, &error));
  for (size_t i = 0; cache_reader_record(reader, i, &type, &data, &length); i++)
    put_record(type, data, length);
  for (size_t i = 0; i < count; i++) {
    uint64_t bytes = regions[i].count * regions[i].element;
    const struct cache_range range = {
        regions[i].address, regions[i].address +
                                (bytes + CACHE_PAGE_SIZE - 1) /
                                    CACHE_PAGE_SIZE * CACHE_PAGE_SIZE};
    need(cache_replay(reader, &range, 1, put_pages, &regions[i], &error));
  }
  need(cache_commit(writer, NULL, &error));
  cache_reader_close(reader);
  cache_close(cache);
  return 0;
}
