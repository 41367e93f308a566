/* Loss of power at every instant of a run of several processes that write parts
 * of one application (Inputs/crash_disk.h): one refers to what another has
 * committed, to what it has only published, and to what it then gave up; some
 * of it is merged, removed and given back. In each state every generation of
 * every part that was committed reads back bit for bit, so the last committed
 * tree is whole; and all of them can go on, tidy up, and read back what they
 * had.
 */
// RUN: env CRASH_SHARE=0/3 %unit/cache_crash_parts
#include "Inputs/crash_disk.h"

#define PARTS 4 /* the application and three of its parts */
#define GENERATIONS 8
#define PAGES 700

struct part {
  char name[CACHE_NAME_MAX];
  struct cache *cache;
  struct model now, models[GENERATIONS];
  size_t begun_at[GENERATIONS], committed_at[GENERATIONS];
  size_t removed_at[GENERATIONS]; /* SIZE_MAX: never */
  uint64_t newest;
};
static struct part parts[PARTS];
static bool running;
static unsigned long states;

static void open_part(struct part *part) {
  CHECK_OK(cache_open(&crash_env, "cache", true, &part->cache, &unit_error));
  cache_set_segment_size(part->cache, 2 << 20);
}

/* The next one, of part `like` when it is the first. */
static struct cache_writer *begin(struct part *part, bool base,
                                  const struct part *like, bool published) {
  static struct cache_relatives relatives;
  struct cache_write_options options = {base ? 0 : part->newest, 0};
  struct cache_writer *writer;
  memset(&relatives, 0, sizeof(relatives));
  if (like)
    memcpy(relatives.names[0], like->name, sizeof(like->name));
  relatives.published[0] = published;
  if (base)
    memset(&part->now, 0, sizeof(part->now));
  part->now.pages = PAGES;
  cache_set_relatives(part->cache, like ? &relatives : NULL);
  CHECK_OK(
      cache_begin(part->cache, part->name, &options, &writer, &unit_error));
  uint64_t number = cache_writer_number(writer);
  CHECK(number < GENERATIONS);
  if (running)
    part->begun_at[number] = crash_recorded;
  return writer;
}

static void put(struct part *part, struct cache_writer *writer, size_t first,
                size_t count, unsigned version) {
  CHECK_OK(unit_put(writer, &part->now, first, count, version, &unit_error));
}

static uint64_t commit(struct part *part, struct cache_writer *writer) {
  struct cache_generation generation;
  CHECK_OK(cache_commit(writer, &generation, &unit_error));
  part->newest = generation.number;
  if (running) {
    part->models[part->newest] = part->now;
    part->committed_at[part->newest] = crash_recorded;
    part->removed_at[part->newest] = SIZE_MAX;
  }
  return generation.same_pages;
}

static void note_removed(struct part *part, uint64_t below) {
  for (uint64_t number = 1; number < below; number++)
    if (part->removed_at[number] == SIZE_MAX)
      part->removed_at[number] = crash_recorded;
}

static void run(void) {
  struct part *root = &parts[0], *child = &parts[1], *second = &parts[2],
              *third = &parts[3];
  bool merged;
  struct cache_writer *writer = begin(root, true, NULL, false);
  put(root, writer, 0, 150, 1);
  commit(root, writer);
  writer = begin(child, true, root, false);
  put(child, writer, 0, 150, 1);
  put(child, writer, 150, 40, 2);
  CHECK(commit(child, writer) == 150);
  /* A tree: the members first, the root last. */
  writer = begin(root, false, NULL, false);
  put(root, writer, 150, 150, 3);
  CHECK_OK(cache_publish(writer, &unit_error));
  struct cache_writer *of_second = begin(second, true, root, true);
  put(root, writer, 300, 60, 4);
  put(second, of_second, 0, 150, 1);
  put(second, of_second, 150, 150, 3);
  put(second, of_second, 400, 50, 5);
  CHECK(commit(second, of_second) == 300);
  struct cache_writer *of_child = begin(child, false, NULL, false);
  put(child, of_child, 200, 70, 6);
  commit(child, of_child);
  commit(root, writer);
  /* What is published and given up. */
  writer = begin(root, false, NULL, false);
  put(root, writer, 0, 90, 7);
  CHECK_OK(cache_publish(writer, &unit_error));
  struct cache_writer *of_third = begin(third, true, root, true);
  put(third, of_third, 0, 90, 7);
  CHECK(commit(third, of_third) == 90);
  cache_abort(writer);
  root->now = root->models[root->newest];
  writer = begin(root, true, NULL, false);
  put(root, writer, 0, 120, 8);
  commit(root, writer);
  /* What is common is not the root's any more. */
  note_removed(root, root->newest);
  CHECK_OK(unit_retain(root->cache, root->name, 1, &unit_error));
  CHECK_OK(unit_merge(second->cache, second->name, &merged, &unit_error));
  writer = begin(child, true, NULL, false);
  put(child, writer, 0, 30, 1);
  put(child, writer, 30, 60, 9);
  commit(child, writer);
  note_removed(child, child->newest);
  CHECK_OK(
      cache_retain_part(root->cache, child->name, child->newest, &unit_error));
  CHECK_OK(cache_reclaim(root->cache, root->name, &unit_error));
  writer = begin(root, false, NULL, false);
  put(root, writer, 300, 100, 10);
  commit(root, writer);
}

/* ---- after the loss ---- */

static bool is_there(const struct part *part, uint64_t number, size_t end) {
  return part->committed_at[number] && part->committed_at[number] <= end &&
         part->removed_at[number] >= end;
}

static int see(const struct cache_generation *generation, int damage,
               void *context) {
  if (!damage)
    ((uint64_t *)context)[generation->number] = 1;
  return 0;
}

/* Compares what there must be and what there may be; the newest. */
static uint64_t compare(struct part *part, size_t end) {
  uint64_t there[2 * GENERATIONS] = {0}, newest = 0;
  CHECK_OK(
      cache_each_generation(part->cache, part->name, see, there, &unit_error));
  for (uint64_t number = 1; number < GENERATIONS; number++) {
    CHECK(!there[number] ||
          (part->committed_at[number] && part->begun_at[number] < end));
    CHECK(there[number] || !is_there(part, number, end));
    if (!there[number])
      continue;
    newest = number;
    CHECK_OK(unit_compare(part->cache, part->name, number,
                          &part->models[number], &unit_error));
    CHECK_OK(cache_verify(part->cache, part->name, number, &unit_error));
  }
  return newest;
}

static void check(size_t end) {
  static struct model after[PARTS];
  uint64_t newest[PARTS];
  bool merged;
  states++;
  for (int i = 0; i < PARTS; i++)
    open_part(&parts[i]);
  for (int i = 0; i < PARTS; i++)
    newest[i] = compare(&parts[i], end);
  /* All go on: all that one would overwrite is another's. */
  for (int i = 0; i < PARTS; i++) {
    struct part *part = &parts[i];
    part->newest = newest[i];
    part->now = part->models[newest[i]];
    struct cache_writer *writer =
        begin(part, newest[i] == 0, i ? &parts[0] : NULL, false);
    put(part, writer, 500, 40, 20 + (unsigned)i);
    commit(part, writer);
    after[i] = part->now;
  }
  if (unit_random(2))
    CHECK_OK(unit_merge(parts[1].cache, parts[1].name, &merged, &unit_error));
  CHECK_OK(unit_retain(parts[0].cache, parts[0].name, 1, &unit_error));
  for (int i = 0; i < PARTS; i++) {
    if (i)
      CHECK_OK(cache_retain_part(parts[0].cache, parts[i].name, parts[i].newest,
                                 &unit_error));
  }
  CHECK_OK(cache_reclaim(parts[0].cache, parts[0].name, &unit_error));
  for (int i = 0; i < PARTS; i++)
    CHECK_OK(unit_compare(parts[i].cache, parts[i].name, parts[i].newest,
                          &after[i], &unit_error));
  for (int i = 0; i < PARTS; i++)
    cache_close(parts[i].cache);
  CHECK(crash_mapped == 0);
}

int main(void) {
  for (int i = 0; i < PARTS; i++) {
    struct part *part = &parts[i];
    open_part(part);
    if (i == 0)
      CHECK_OK(
          cache_new_application(part->cache, "p", part->name, &unit_error));
    else
      snprintf(part->name, sizeof(part->name), "%.90s/m%d-%08x", parts[0].name,
               10 + i, (unsigned)i);
    CHECK_OK(cache_use_application(part->cache, part->name, &unit_error));
  }
  crash_begin();
  running = true;
  run();
  running = false;
  crash_end();
  for (int i = 0; i < PARTS; i++)
    cache_close(parts[i].cache);
  struct crash_counts counts = crash_each(crash_effort(), check);
  printf("%zu operations, %lu states, %lu of them torn; %lu of %lu windows "
         "whole, most %u\n",
         crash_recorded, counts.states, counts.torn, counts.whole,
         counts.windows, counts.most);
  CHECK(crash_recorded > 60 && counts.states > 300);
  CHECK(crash_effort()->torn == 0 || counts.whole == counts.windows);
  return 0;
}
