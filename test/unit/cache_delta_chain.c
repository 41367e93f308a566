/* Generations that build on one another, in branches too, each read back as
 * memory was when it was written: pages overwritten, zeroed, forgotten and put
 * twice, in any order. */
// RUN: %unit/cache_delta_chain
// RUN: env UNIT_KEY=1 %unit/cache_delta_chain
// RUN: %unit/sanitized/cache_delta_chain
#include "Inputs/unit.h"

#define GENERATIONS 40

static struct model models[GENERATIONS + 1];

static void write_random(struct cache *cache, const char *name, uint64_t parent,
                         struct model *model) {
  struct cache_write_options options = {parent, (int)unit_random(4)};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  /* Holes first: where both are said, pages of the generation win. */
  for (unsigned i = unit_random(4); i > 0; i--) {
    size_t first = unit_random(2000), count = 1 + unit_random(48);
    CHECK_OK(unit_put_hole(writer, model, first, count, &unit_error));
  }
  for (unsigned i = 1 + unit_random(60); i > 0; i--) {
    size_t first = unit_random(2000);
    size_t count = 1 + unit_random(unit_random(8) ? 3 : 48);
    unsigned version = unit_random(5) ? 1 + unit_random(1000) : UNIT_ZERO;
    CHECK_OK(unit_put(writer, model, first, count, version, &unit_error));
  }
  uint64_t number = cache_writer_number(writer);
  struct cache_generation generation;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  CHECK(generation.number == number && generation.parent == parent);
}

/* A delta is of the generation that it was made upon, and no other that has its
 * number: that would mix two pasts. */
static void other_parent(struct cache *cache) {
  char name[CACHE_NAME_MAX], base[1024], delta[1024], aside[1024], below[128];
  struct model model = {.pages = 64};
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_new_application(cache, "parent", name, &unit_error));
  for (; options.parent < 2; options.parent++) {
    CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
    CHECK_OK(unit_put(writer, &model, 8 * options.parent, 8, 1, &unit_error));
    CHECK_OK(cache_commit(writer, NULL, &unit_error));
  }
  CHECK_OK(unit_compare(cache, name, 2, &model, &unit_error));
  snprintf(below, sizeof(below), "cache/%s/g0000000001.ckpt", name);
  snprintf(base, sizeof(base), "%s", unit_path(below));
  snprintf(below, sizeof(below), "cache/%s/g0000000002.ckpt", name);
  snprintf(delta, sizeof(delta), "%s", unit_path(below));
  snprintf(aside, sizeof(aside), "%s", unit_path("aside"));
  CHECK(rename(delta, aside) == 0 && remove(base) == 0);
  options.parent = 0;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK(cache_writer_number(writer) == 1);
  CHECK_OK(unit_put(writer, &model, 0, 8, 1, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  CHECK(rename(aside, delta) == 0);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), CHAIN_BROKEN);
  CHECK(strstr(unit_error.object, "g0000000002.ckpt"));
  CHECK_ERROR(cache_verify(cache, name, 2, &unit_error), CHAIN_BROKEN);
}

int main(void) {
  int descriptors = unit_descriptors();
  struct cache *cache;
  char name[CACHE_NAME_MAX];
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "chain", name, &unit_error));
  models[0].pages = 2048;
  for (uint64_t i = 1; i <= GENERATIONS; i++) {
    /* Now and then a new base, or a delta of an older generation. */
    uint64_t parent = i - 1;
    if (unit_random(12) == 0)
      parent = 0;
    else if (parent && unit_random(8) == 0)
      parent = 1 + unit_random((unsigned)parent);
    models[i] = models[parent];
    write_random(cache, name, parent, &models[i]);
  }
  for (uint64_t i = 1; i <= GENERATIONS; i++) {
    CHECK_OK(unit_compare(cache, name, i, &models[i], &unit_error));
    CHECK_OK(cache_verify(cache, name, i, &unit_error));
  }
  other_parent(cache);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  CHECK(unit_descriptors() == descriptors);
  return 0;
}
