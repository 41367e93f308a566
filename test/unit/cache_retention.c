/* Retention keeps the newest bases with their deltas and removes the rest, in
 * an order that never leaves a delta without its base; the chain that was last
 * built on is kept even when its base is old. */
// RUN: %unit/cache_retention
// RUN: %unit/sanitized/cache_retention
#include "Inputs/unit.h"

static struct cache *cache;
static char name[CACHE_NAME_MAX];

static void new_application(void) {
  CHECK_OK(cache_new_application(cache, "retain", name, &unit_error));
}

static void write_generation(uint64_t parent) {
  static struct model model = {.pages = 64};
  struct cache_write_options options = {parent, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 0, 4, 1, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
}

static int collect(const struct cache_generation *generation, int damage,
                   void *context) {
  char *list = context;
  sprintf(list + strlen(list), "%s%llu%s", *list ? " " : "",
          (unsigned long long)generation->number, damage ? "!" : "");
  return 0;
}

static void expect(const char *expected) {
  char list[256] = "";
  CHECK_OK(cache_each_generation(cache, name, collect, list, &unit_error));
  if (strcmp(list, expected) != 0) {
    fprintf(stderr, "left are: %s, not: %s\n", list, expected);
    exit(1);
  }
}

static void retain(unsigned keep) {
  CHECK_OK(cache_retain(cache, name, keep, &unit_error));
}

static const char *file(uint64_t number) {
  char below[256];
  snprintf(below, sizeof(below), "cache/%s/g%010llu.ckpt", name,
           (unsigned long long)number);
  return unit_path(below);
}

int main(void) {
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  static const uint64_t parents[] = {0, 1, 2, 0, 4, 0, 6, 7};

  new_application();
  retain(1); /* nothing there yet */
  expect("");
  for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
    write_generation(parents[i]);
  expect("1 2 3 4 5 6 7 8");
  retain(3);
  expect("1 2 3 4 5 6 7 8");
  retain(2);
  expect("4 5 6 7 8");
  retain(1);
  expect("6 7 8");
  retain(0); /* the last is never removed */
  expect("6 7 8");
  write_generation(8);
  expect("6 7 8 9"); /* numbers go on */

  /* The program was restored from 3 and goes on from there. */
  new_application();
  for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
    write_generation(parents[i]);
  write_generation(3);
  retain(2);
  expect("1 2 3 6 7 8 9");
  retain(1);
  expect("1 2 3 9");

  /* What is damaged counts for nothing, and goes once it is old. */
  new_application();
  for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
    write_generation(parents[i]);
  unit_write_file(file(6), "damaged", 7);
  expect("1 2 3 4 5 6! 7! 8!");
  retain(1);
  expect("4 5 6! 7! 8!");
  write_generation(0);
  retain(1);
  expect("9");

  /* All damaged: nothing is removed, the numbers go on. */
  unit_write_file(file(9), "damaged", 7);
  retain(1);
  expect("9!");
  write_generation(0);
  expect("9! 10");
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
