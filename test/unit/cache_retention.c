/* Retention keeps the newest bases with their deltas, and those that are young
 * enough, and removes the rest, in an order that never leaves a delta without
 * its base; the chain that was last built on is kept even when its base is old,
 * and an old one when those behind it could not be restored.
 * A quota takes the oldest of what would be kept, but never the last. */
// RUN: %unit/cache_retention
// RUN: env UNIT_KEY=1 %unit/cache_retention
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
  CHECK_OK(unit_retain(cache, name, keep, &unit_error));
}

static const char *file(uint64_t number) {
  char below[256];
  snprintf(below, sizeof(below), "cache/%s/g%010llu.ckpt", name,
           (unsigned long long)number);
  return unit_path(below);
}

static const char *file_named(const char *base) {
  char below[256];
  snprintf(below, sizeof(below), "cache/%s/%s", name, base);
  return unit_path(below);
}

/* ---- age ---- */

static uint64_t now_ns = 1000;
static uint64_t io_realtime_ns(void) { return now_ns; }

static int retain_for(unsigned keep, uint64_t keep_for_ns, uint64_t quota) {
  const struct cache_retention retention = {
      .keep = keep, .keep_for_ns = keep_for_ns, .quota = quota};
  return cache_retain(cache, name, &retention, &unit_error);
}

static void by_age(void) {
  new_application();
  for (uint64_t i = 0; i < 5; i++) { /* 1 2, 3 4, ... at 1000, 1100, ... */
    now_ns = 1000 + i * 200;
    write_generation(0);
    now_ns += 100;
    write_generation(2 * i + 1);
  }
  now_ns = 2000;
  CHECK_OK(retain_for(1, 1000, 0));
  expect("1 2 3 4 5 6 7 8 9 10");
  CHECK_OK(retain_for(1, 900, 0)); /* of 100 ago and 900: the second is not */
  expect("3 4 5 6 7 8 9 10");
  CHECK_OK(retain_for(3, 300, 0)); /* keep wants more */
  expect("5 6 7 8 9 10");
  CHECK_OK(retain_for(1, UINT64_MAX, 0));
  expect("5 6 7 8 9 10");
  now_ns = 500; /* a clock that was put back makes nothing old */
  CHECK_OK(retain_for(1, 1, 0));
  expect("5 6 7 8 9 10");
  now_ns = 100000; /* the last stays, however old */
  CHECK_OK(retain_for(1, 1, 0));
  expect("9 10");
}

/* ---- room ---- */

static void write_much(uint64_t parent, unsigned version) {
  static struct model model = {.pages = 4096};
  struct cache_write_options options = {parent, 0};
  struct cache_writer *writer;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 0, 1024, version, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
}

static void by_quota(void) {
  const uint64_t mebibyte = 1 << 20;
  new_application();
  for (unsigned i = 0; i < 4; i++) /* 4 MiB each */
    write_much(0, 1 + i);
  write_much(4, 9);
  CHECK_OK(retain_for(9, 0, 100 * mebibyte));
  expect("1 2 3 4 5");
  struct cache_reader *reader; /* nothing can be given back meanwhile */
  CHECK_OK(cache_reader_open(cache, name, 2, &reader, &unit_error));
  CHECK_OK(retain_for(9, 0, 14 * mebibyte));
  expect("1 2 3 4 5");
  cache_reader_close(reader);
  CHECK_OK(retain_for(9, UINT64_MAX, 14 * mebibyte));
  expect("3 4 5");
  CHECK_OK(retain_for(9, 0, 14 * mebibyte));
  expect("3 4 5");
  /* The last chain is never deleted for a quota; it is said. */
  CHECK_ERROR(retain_for(9, 0, 6 * mebibyte), CACHE_QUOTA);
  CHECK(strstr(unit_error.object, name));
  CHECK(strstr(unit_error.detail, "6291456 bytes"));
  expect("4 5");
  CHECK_OK(cache_verify(cache, name, 5, &unit_error));
  /* Merged, it does without what is overwritten. */
  bool merged;
  CHECK_OK(unit_merge(cache, name, &merged, &unit_error));
  CHECK(merged);
  CHECK_OK(retain_for(9, 0, 6 * mebibyte));
  expect("5");
  /* The newest is damaged: the last that is whole stays. */
  write_much(0, 10);
  unit_write_file(file(6), "damaged", 7);
  CHECK_ERROR(retain_for(1, 0, mebibyte), CACHE_QUOTA);
  expect("5 6!");
}

/* ---- damage that headers do not show ---- */

/* Turns a bit of the index of one without frames of its own: it is behind the
 * header. */
static void turn_index(uint64_t number) {
  unsigned char *bytes;
  size_t length = unit_read_file(file(number), &bytes);
  bytes[24 + bytes[12]] ^= 1;
  unit_write_file(file(number), bytes, length);
  free(bytes);
}

/* Nothing goes for generations that could not be restored. */
static void by_damage(void) {
  const uint64_t mebibyte = 1 << 20;
  new_application();
  write_much(0, 1);
  write_much(0, 2);
  write_much(2, 3);
  turn_index(2);
  CHECK_OK(retain_for(1, 0, 0));
  expect("1 2 3");
  CHECK_ERROR(retain_for(9, 0, 5 * mebibyte), CACHE_QUOTA);
  expect("1 2 3");
  CHECK_OK(cache_verify(cache, name, 1, &unit_error));
  turn_index(2);
  turn_index(3); /* the one before is whole */
  CHECK_OK(retain_for(1, 0, 0));
  expect("2 3");
  turn_index(2);
  CHECK_OK(retain_for(1, 0, 0)); /* none is whole */
  expect("2 3");
  write_much(0, 4);
  CHECK_OK(retain_for(1, 0, 0));
  expect("4");
}

/* Others of the cache are there already, with a weight of 1 each. */
static unsigned others;
static int count_other(const struct cache_application *application,
                       void *unused) {
  (void)application;
  (void)unused;
  others++;
  return 0;
}

static int retain_shared(uint64_t shared, unsigned weight) {
  const struct cache_retention retention = {
      .keep = 9, .shared_quota = shared, .weight = weight};
  return cache_retain(cache, name, &retention, &unit_error);
}

/* What a new application keeps when another's weight counts for so much. Two of
 * its generations take a little more than 8 MiB. */
static void share_beside(unsigned counts, unsigned own) {
  const uint64_t half = 1 << 19, weights = others + counts + 1;
  new_application();
  for (unsigned i = 0; i < 4; i++)
    write_much(0, 1 + i);
  CHECK_OK(retain_shared(weights * 17 * half, own));
  expect("3 4");
  CHECK_OK(retain_shared(weights * 15 * half, own));
  expect("4");
  others++;
}

/* What an application's file says its weight is, and what that counts for. */
static void weigh(void) {
  static const struct {
    const char *text;
    unsigned counts;
  } cases[] = {{"2\n", 2},  {"1000000\n", 1000000},
               {"0\n", 1},  {"1000001\n", 1},
               {"20", 1},   {"2x\n", 1},
               {"2!\n", 1}, {"\n", 1},
               {"", 1},     {"2\n\n", 1}};
  char another[CACHE_NAME_MAX];
  CHECK_OK(cache_each_application(cache, count_other, NULL, &unit_error));
  new_application();
  strcpy(another, name);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    strcpy(name, another);
    unit_write_file(file_named("weight"), cases[i].text, strlen(cases[i].text));
    share_beside(cases[i].counts, 1);
  }
  /* Its own: none is 1. */
  share_beside(1, 0);
}

static void by_share(void) {
  const uint64_t mebibyte = 1 << 20;
  char first[CACHE_NAME_MAX], second[CACHE_NAME_MAX];
  others = 0;
  CHECK_OK(cache_each_application(cache, count_other, NULL, &unit_error));
  new_application();
  strcpy(first, name);
  for (unsigned i = 0; i < 4; i++) /* 4 MiB each */
    write_much(0, 1 + i);
  new_application();
  strcpy(second, name);
  for (unsigned i = 0; i < 4; i++)
    write_much(0, 1 + i);
  /* Of others + 2 shares this has two when it is alone in saying so, */
  CHECK_OK(retain_shared((others + 3) * 5 * mebibyte, 2));
  expect("3 4");
  /* and the other, told of it, one. */
  strcpy(name, first);
  CHECK_OK(retain_shared((others + 3) * 5 * mebibyte, 1));
  expect("4");
  /* What is no weight counts as 1, the own is put right. */
  strcpy(name, second);
  unit_write_file(file_named("weight"), "much", 4);
  CHECK_OK(retain_shared((others + 3) * 5 * mebibyte, 2));
  expect("3 4");
  unit_write_file(file_named("weight"), "99999999999999999999\n", 21);
  strcpy(name, first);
  CHECK_OK(retain_shared((others + 2) * 5 * mebibyte, 1));
  expect("4");
  CHECK_ERROR(retain_shared(1, 1), CACHE_QUOTA);
  expect("4");
  /* With a quota of its own the lower of the two counts. */
  struct cache_retention both = {.keep = 9,
                                 .quota = 100 * mebibyte,
                                 .shared_quota = (others + 3) * 5 * mebibyte,
                                 .weight = 2};
  strcpy(name, second);
  write_much(0, 5);
  CHECK_OK(cache_retain(cache, name, &both, &unit_error));
  expect("4 5");
  both.quota = 5 * mebibyte;
  CHECK_OK(cache_retain(cache, name, &both, &unit_error));
  expect("5");
}

int main(void) {
  static struct cache_io io;
  static struct cache_env env;
  io = cache_io_kernel;
  io.realtime_ns = io_realtime_ns;
  env = unit_env;
  env.io = &io;
  CHECK_OK(cache_open(&env, unit_path("cache"), true, &cache, &unit_error));
  by_age();
  by_quota();
  by_damage();
  weigh();
  by_share();
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
