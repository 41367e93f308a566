/* Parts of an application share its log: what a part has in common with its
 * relatives is on flash once, also when theirs is not committed yet, or never
 * will be; and nothing of it is given back while a generation of any part needs
 * it, or one that is being written. Each process has a handle of its own. */
// RUN: %unit/cache_parts
// RUN: %unit/sanitized/cache_parts
// RUN: env UNIT_KEY=1 %unit/sanitized/cache_parts
#include "Inputs/unit.h"

#include <sys/stat.h>

#define PAGES 1000
static char root[CACHE_NAME_MAX], child[CACHE_NAME_MAX], other[CACHE_NAME_MAX];

struct process {
  struct cache *cache;
  const char *name;
  struct model model;
  uint64_t newest;
};

static void start(struct process *process, const char *name) {
  memset(process, 0, sizeof(*process));
  process->name = name;
  process->model.pages = PAGES;
  CHECK_OK(cache_open(&unit_env, unit_path("cache"), true, &process->cache,
                      &unit_error));
  CHECK_OK(cache_use_application(process->cache, name, &unit_error));
}

static struct cache_writer *begin(struct process *process, bool base,
                                  const struct cache_relatives *relatives) {
  struct cache_write_options options = {base ? 0 : process->newest, 0};
  struct cache_writer *writer;
  if (base)
    memset(process->model.version, 0, sizeof(process->model.version));
  cache_set_relatives(process->cache, relatives);
  CHECK_OK(cache_begin(process->cache, process->name, &options, &writer,
                       &unit_error));
  return writer;
}

static void put(struct process *process, struct cache_writer *writer,
                size_t first, size_t count, unsigned version) {
  CHECK_OK(
      unit_put(writer, &process->model, first, count, version, &unit_error));
}

/* Pages found in the log. */
static uint64_t commit(struct process *process, struct cache_writer *writer) {
  struct cache_generation generation;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  process->newest = generation.number;
  return generation.same_pages;
}

static void compare(struct process *process) {
  CHECK_OK(
      cache_check(process->cache, process->name, process->newest, &unit_error));
  CHECK_OK(unit_compare(process->cache, process->name, process->newest,
                        &process->model, &unit_error));
}

static uint64_t used(const struct process *process) {
  uint64_t bytes;
  CHECK_OK(cache_used(process->cache, root, &bytes, &unit_error));
  return bytes;
}

static struct cache_relatives relatives_of(const char *name, bool published) {
  struct cache_relatives relatives = {0};
  snprintf(relatives.names[0], sizeof(relatives.names[0]), "%s", name);
  relatives.published[0] = published;
  return relatives;
}

/* Of the root's committed generation all but what the child changed. */
static void test_committed(struct process *parent, struct process *forked) {
  struct cache_relatives relatives = relatives_of(root, false);
  struct cache_writer *writer = begin(parent, true, NULL);
  put(parent, writer, 0, 500, 1);
  CHECK(commit(parent, writer) == 0);
  uint64_t before = used(parent);
  writer = begin(forked, true, &relatives);
  put(forked, writer, 0, 500, 1);
  put(forked, writer, 40, 2, 2);
  CHECK(commit(forked, writer) == 500);
  compare(forked);
  CHECK(used(parent) - before < 40 * CACHE_PAGE_SIZE);
  uint64_t own; /* its files count for the application */
  CHECK_OK(cache_used(parent->cache, forked->name, &own, &unit_error));
  CHECK(own > 0 && used(parent) >= before + own);
}

/* What is not committed yet, and then is given up. */
static void test_published(struct process *parent, struct process *forked) {
  struct cache_relatives relatives = relatives_of(root, true);
  struct cache_writer *writer = begin(parent, false, NULL);
  uint64_t newest = parent->newest;
  struct model model = parent->model;
  put(parent, writer, 500, 300, 3);
  CHECK_OK(cache_publish(writer, &unit_error));
  put(parent, writer, 900, 100, 4);
  struct cache_writer *of_child = begin(forked, true, &relatives);
  put(forked, of_child, 0, 500, 1);
  put(forked, of_child, 500, 300, 3);
  CHECK(commit(forked, of_child) == 800);
  compare(forked);
  cache_abort(writer);
  parent->model = model;
  parent->newest = newest;
  /* What the root writes now lies elsewhere. */
  writer = begin(parent, false, NULL);
  put(parent, writer, 500, 400, 5);
  commit(parent, writer);
  compare(parent);
  compare(forked);
}

/* Nothing that a part needs goes with the root's own generations. */
static void test_retention(struct process *parent, struct process *forked,
                           struct process *second) {
  bool merged;
  struct cache_retention narrow = {.keep = 1, .quota = 400 * CACHE_PAGE_SIZE};
  struct cache_writer *writer = begin(parent, true, NULL);
  put(parent, writer, 0, 200, 6);
  commit(parent, writer);
  uint64_t before = used(parent);
  CHECK_OK(unit_retain(parent->cache, root, 1, &unit_error));
  compare(forked);
  compare(second);
  compare(parent);
  CHECK(used(parent) < before); /* what it had alone */
  CHECK_OK(unit_merge(second->cache, second->name, &merged, &unit_error));
  compare(second);
  before = used(parent);
  /* A quota counts what the parts have. */
  CHECK_ERROR(cache_retain(parent->cache, root, &narrow, &unit_error),
              CACHE_QUOTA);
  CHECK_OK(cache_retain_part(parent->cache, child, 0, &unit_error));
  CHECK_OK(cache_retain_part(parent->cache, other, 0, &unit_error));
  CHECK_OK(cache_reclaim(parent->cache, root, &unit_error));
  CHECK_OK(cache_retain(parent->cache, root, &narrow, &unit_error));
  CHECK(used(parent) + 700 * CACHE_PAGE_SIZE < before);
  compare(parent);
}

/* A child that is writing refers to what nobody has any more. */
static void test_written_meanwhile(struct process *parent) {
  struct cache_relatives relatives = relatives_of(root, false);
  struct process forked;
  struct cache_writer *writer = begin(parent, true, NULL);
  put(parent, writer, 0, 400, 7);
  commit(parent, writer);
  start(&forked, child);
  struct cache_writer *of_child = begin(&forked, true, &relatives);
  writer = begin(parent, true, NULL);
  put(parent, writer, 0, 100, 8);
  commit(parent, writer);
  CHECK_OK(unit_retain(parent->cache, root, 1, &unit_error));
  put(&forked, of_child, 0, 400, 7);
  CHECK(commit(&forked, of_child) == 400);
  compare(&forked);
  CHECK_OK(cache_reclaim(parent->cache, root, &unit_error));
  compare(&forked);
  compare(parent);
  cache_close(forked.cache);
}

/* What a process remembers of the log and another has given back since, who
 * leaves alone what it appends to. */
static void test_given_back(struct process *parent) {
  struct process forked;
  start(&forked, other);
  struct cache_writer *writer = begin(&forked, true, NULL);
  put(&forked, writer, 0, 100, 9);
  commit(&forked, writer);
  writer = begin(&forked, true, NULL);
  put(&forked, writer, 100, 100, 10);
  commit(&forked, writer);
  CHECK_OK(cache_retain_part(parent->cache, other, forked.newest, &unit_error));
  writer = begin(parent, false, NULL);
  put(parent, writer, 700, 100, 11);
  commit(parent, writer);
  uint64_t before = used(parent);
  CHECK_OK(cache_retain_part(parent->cache, child, 0, &unit_error));
  CHECK_OK(cache_reclaim(parent->cache, root, &unit_error));
  CHECK(used(parent) + 100 * CACHE_PAGE_SIZE <= before);
  writer = begin(&forked, false, NULL);
  put(&forked, writer, 0, 100, 9);
  CHECK(commit(&forked, writer) == 0);
  writer = begin(&forked, false, NULL);
  put(&forked, writer, 300, 100, 10);
  CHECK(commit(&forked, writer) == 0); /* another address, other content */
  compare(&forked);
  compare(parent);
  cache_close(forked.cache);
}

/* The segment that a process appends to stays, though nobody refers to it. */
static void test_appended_to(struct process *parent) {
  struct process forked;
  start(&forked, child);
  struct cache_writer *writer = begin(&forked, true, NULL);
  put(&forked, writer, 0, 100, 12);
  commit(&forked, writer);
  writer = begin(&forked, true, NULL);
  put(&forked, writer, 0, 5, 13); /* in the generation's own file */
  commit(&forked, writer);
  CHECK_OK(cache_retain_part(parent->cache, child, forked.newest, &unit_error));
  CHECK_OK(cache_retain_part(parent->cache, other, 0, &unit_error));
  CHECK_OK(cache_reclaim(parent->cache, root, &unit_error));
  writer = begin(&forked, false, NULL);
  put(&forked, writer, 200, 100, 14);
  commit(&forked, writer);
  compare(&forked);
  cache_close(forked.cache);
}

/* After a restore of an older generation bases lie between the generations of
 * its chain: what is named and newer than the oldest that is named stays. */
static void test_between(void) {
  struct process process;
  start(&process, child);
  struct cache_writer *writer = begin(&process, true, NULL);
  put(&process, writer, 0, 10, 17);
  commit(&process, writer);
  uint64_t named = process.newest;
  struct process between = process;
  writer = begin(&between, true, NULL);
  put(&between, writer, 0, 10, 18);
  commit(&between, writer);
  writer = begin(&process, false, NULL);
  put(&process, writer, 5, 10, 19);
  commit(&process, writer);
  CHECK_OK(cache_retain_part(process.cache, child, named, &unit_error));
  compare(&between);
  compare(&process);
  CHECK_OK(
      cache_retain_part(process.cache, child, process.newest, &unit_error));
  CHECK_ERROR(cache_check(process.cache, child, between.newest, &unit_error),
              NO_GENERATION);
  compare(&process);
  cache_close(process.cache);
}

/* Two that begin at once write to two segments. */
static void test_at_once(void) {
  struct process one, two;
  start(&one, child);
  start(&two, other);
  struct cache_writer *first = begin(&one, true, NULL);
  struct cache_writer *second = begin(&two, true, NULL);
  put(&one, first, 0, 600, 15);
  put(&two, second, 0, 600, 16);
  commit(&two, second);
  commit(&one, first);
  compare(&one);
  compare(&two);
  cache_close(one.cache);
  cache_close(two.cache);
}

int main(void) {
  struct process parent, forked, second;
  struct cache *cache;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  CHECK_OK(cache_new_application(cache, "parts", root, &unit_error));
  cache_close(cache);
  snprintf(child, sizeof(child), "%.90s/m12-0000000a", root);
  snprintf(other, sizeof(other), "%.90s/m13-0000000b", root);
  start(&parent, root);
  start(&forked, child);
  start(&second, other);
  test_committed(&parent, &forked);
  test_published(&parent, &second);
  test_retention(&parent, &forked, &second);
  cache_close(forked.cache);
  cache_close(second.cache);
  test_written_meanwhile(&parent);
  test_given_back(&parent);
  test_appended_to(&parent);
  test_between();
  test_at_once();
  cache_close(parent.cache);
  CHECK(unit_mapped() == 0);
  return 0;
}
