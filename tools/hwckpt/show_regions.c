/* show_regions.c - see show_regions.h. */
#include "show_regions.h"
#include "intrinsics/hwckptintrin.h"
#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

static const char *type_name(uint32_t type) {
  static const char *const names[] = {
      [HWCKPT_BYTES] = "bytes",   [HWCKPT_INT8] = "int8",
      [HWCKPT_UINT8] = "uint8",   [HWCKPT_INT16] = "int16",
      [HWCKPT_UINT16] = "uint16", [HWCKPT_INT32] = "int32",
      [HWCKPT_UINT32] = "uint32", [HWCKPT_INT64] = "int64",
      [HWCKPT_UINT64] = "uint64", [HWCKPT_FLOAT] = "float",
      [HWCKPT_DOUBLE] = "double", [HWCKPT_LONG_DOUBLE] = "long double"};
  return type < sizeof names / sizeof *names ? names[type] : "unknown";
}

static const char *byte_order(const struct generation *generation) {
  uint32_t order = generation->region_set.byte_order;
  return order == 1 ? "little endian" : order == 2 ? "big endian" : "unknown";
}

static void write_json(const struct generation *generation, const char *cache) {
  const struct cache_generation *info = generation->info;
  struct json json = {.out = stdout};
  Region region;
  json_open(&json, NULL, '{');
  json_string(&json, "cache", cache);
  json_string(&json, "application", info->application);
  json_number(&json, "number", info->number);
  json_number(&json, "committed_ns", info->commit_ns);
  json_number(&json, "pages", info->pages);
  json_number(&json, "bytes", info->bytes);
  json_string(&json, "set", generation->region_set.name);
  json_string(&json, "byte_order", byte_order(generation));
  json_open(&json, "regions", '[');
  for (size_t cursor = 0;
       generation_next_region(generation, &cursor, &region);) {
    json_open(&json, NULL, '{');
    json_string(&json, "name", region.name);
    json_string(&json, "type", type_name(region.type));
    json_number(&json, "count", region.count);
    json_number(&json, "bytes", region.count * region.element);
    json_close(&json, '}');
  }
  json_close(&json, ']');
  json_close(&json, '}');
  json_end(&json);
}

static void print(const struct generation *generation) {
  const struct cache_generation *info = generation->info;
  char escaped[512], when[32], size[32];
  Region region;
  printf("generation    %s\n",
         text_escape(escaped, sizeof escaped, generation->name));
  printf("saved         %s\n", text_time(when, sizeof when, info->commit_ns));
  printf("pages         %" PRIu64 ", %s on flash\n", info->pages,
         text_bytes(size, sizeof size, info->bytes));
  printf("regions       of the set %s, %s\n",
         text_escape(escaped, sizeof escaped, generation->region_set.name),
         byte_order(generation));
  for (size_t cursor = 0; generation_next_region(generation, &cursor, &region);)
    printf("  %-24s %s[%" PRIu64 "], %s\n",
           text_escape(escaped, sizeof escaped, region.name),
           type_name(region.type), region.count,
           text_bytes(size, sizeof size, region.count * region.element));
}

void show_regions(const struct generation *generation, const char *cache,
                  bool use_json) {
  if (use_json)
    write_json(generation, cache);
  else
    print(generation);
}
