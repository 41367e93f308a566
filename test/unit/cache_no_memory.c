/* Every request for memory is refused in turn: each gives an error, but for
 * memory that only makes the next generation smaller; nothing leaks, and what
 * was committed stays whole. */
// RUN: %unit/cache_no_memory
// RUN: env UNIT_KEY=1 %unit/cache_no_memory
// RUN: %unit/sanitized/cache_no_memory
#include "Inputs/unit.h"

#include <unistd.h>

static long left;
static bool hit;

static void *stingy_map(size_t length) {
  if (left-- == 0) {
    hit = true;
    return NULL;
  }
  return unit_map(length);
}

static const struct cache_env stingy = {
    .io = &cache_io_kernel, .map = stingy_map, .unmap = unit_unmap};
static char name[CACHE_NAME_MAX];
static struct model models[3];

static int write_generation(struct cache *cache, uint64_t parent,
                            struct hwckpt_error *error) {
  struct cache_write_options options = {parent, 1};
  struct cache_writer *writer;
  struct model *model = &models[parent + 1];
  *model = models[parent];
  model->pages = 4096;
  int result = cache_begin(cache, name, &options, &writer, error);
  if (result < 0)
    return result;
  /* Backwards, one by one: the lists grow and are merged. */
  for (size_t i = 0; i < 800 && result == 0; i++)
    result =
        unit_put(writer, model, 3000 - 2 * i, 2, 1 + (unsigned)parent, error);
  for (size_t i = 0; i < 600 && parent && result == 0; i++)
    result = unit_put_hole(writer, model, 3002 + i % 500 * 2, 1, error);
  for (int i = 0; i < 3 && result == 0; i++)
    result = cache_put_record(writer, 1, models, 20000, error);
  if (result < 0) {
    cache_abort(writer);
    return result;
  }
  return cache_commit(writer, NULL, error);
}

static int count_damage(const struct cache_generation *generation, int damage,
                        void *context) {
  (void)generation;
  (void)context;
  CHECK(damage == 0);
  return 0;
}

static int do_all(struct hwckpt_error *error) {
  struct cache *cache;
  unsigned count;
  int result = cache_open(&stingy, unit_path("cache"), true, &cache, error);
  if (result < 0)
    return result;
  result = cache_new_application(cache, "program", name, error);
  if (result == 0)
    result = write_generation(cache, 0, error);
  if (result == 0)
    result = write_generation(cache, 1, error);
  if (result == 0)
    result = unit_compare(cache, name, 2, &models[2], error);
  if (result == 0)
    result = cache_verify(cache, name, 2, error);
  if (result == 0)
    result = cache_each_generation(cache, name, count_damage, NULL, error);
  if (result == 0)
    result = cache_count_restore(cache, name, 1, &count, error);
  bool merged;
  if (result == 0)
    result = unit_merge(cache, name, &merged, error);
  if (result == 0)
    result = unit_compare(cache, name, 2, &models[2], error);
  if (result == 0)
    result = unit_retain(cache, name, 1, error);
  cache_close(cache);
  return result;
}

int main(void) {
  int descriptors = unit_descriptors();
  long request = 0, survived = 0;
  for (;; request++) {
    struct hwckpt_error error = {0};
    left = request;
    hit = false;
    int result = do_all(&error);
    CHECK(unit_mapped() == 0 && unit_descriptors() == descriptors);
    if (!hit) {
      CHECK(result == 0);
      break;
    }
    if (result == 0) { /* memory that was only for speed */
      survived++;
      continue;
    }
    CHECK(result == -(int)error.code && error.object[0]);
    CHECK(error.code == HWCKPT_E_CAPTURE_MEMORY ||
          error.code == HWCKPT_E_RESTORE_MEMORY);
  }
  printf("%ld requests for memory, %ld not needed\n", request, survived);
  /* Of them, each of the 16 shards of what is known asks once. */
  CHECK(survived > 0 && survived < 28);
  CHECK(request > 40);
  return 0;
}
