/* inventory.c - what is in a cache, read out. */
#include "inventory.h"

#include <stdlib.h>
#include <string.h>

struct growing {
  void *items;
  size_t count, room, size;
};

static int append(struct growing *list, const void *item) {
  if (list->count == list->room) {
    size_t room = list->room ? 2 * list->room : 16;
    void *items = reallocarray(list->items, room, list->size);
    if (!items)
      return -HWCKPT_E_RESTORE_MEMORY;
    list->items = items;
    list->room = room;
  }
  memcpy((char *)list->items + list->count++ * list->size, item, list->size);
  return 0;
}

static int visit_application(const struct cache_application *application,
                             void *context) {
  return append(context, application);
}

static int visit_generation(const struct cache_generation *generation,
                            int damage, void *context) {
  /* Codes come negative from functions, and are listed positive. */
  const struct inventory_generation item = {*generation, abs(damage)};
  return append(context, &item);
}

static int by_name(const void *one, const void *other) {
  return strcmp(((const struct cache_application *)one)->name,
                ((const struct cache_application *)other)->name);
}

static int finish(struct growing *list, int failed,
                  struct hwckpt_error *error) {
  if (failed == -HWCKPT_E_RESTORE_MEMORY)
    hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "list of the cache", "%s",
                "");
  if (failed) {
    free(list->items);
    list->items = NULL;
  }
  return failed;
}

int inventory_applications(struct cache *cache, struct cache_application **list,
                           size_t *count, struct hwckpt_error *error) {
  struct growing all = {.size = sizeof **list};
  int failed = finish(
      &all, cache_each_application(cache, visit_application, &all, error),
      error);
  if (!failed && all.count)
    qsort(all.items, all.count, all.size, by_name);
  *list = all.items;
  *count = all.count;
  return failed;
}

int inventory_generations(struct cache *cache, const char *application,
                          struct inventory_generation **list, size_t *count,
                          struct hwckpt_error *error) {
  struct growing all = {.size = sizeof **list};
  int failed = finish(
      &all,
      cache_each_generation(cache, application, visit_generation, &all, error),
      error);
  *list = all.items;
  *count = all.count;
  return failed;
}
