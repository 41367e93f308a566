/* copy_common.c - see copy_common.h. */
#include "copy_common.h"

#include <stdlib.h>
#include <string.h>

struct common_run {
  struct cache_log_run in;
  size_t process;
};

static int no_memory(struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0,
                     "pages that processes have in common", "%s", "");
}

/* Room for one more; false: none. */
static bool grow(void *list, size_t count, size_t *room, size_t size) {
  void **at = list;
  if (count < *room)
    return true;
  size_t more = *room ? 2 * *room : 256;
  void *larger = reallocarray(*at, more, size);
  if (!larger)
    return false;
  *at = larger;
  *room = more;
  return true;
}

/* ---- taking in ---- */

struct adding {
  struct common *common;
  size_t process;
};

static int add_run(const struct cache_log_run *run, void *context) {
  const struct adding *adding = context;
  struct common *common = adding->common;
  if (!grow((void *)&common->runs, common->run_count, &common->run_room,
            sizeof *common->runs))
    return -HWCKPT_E_RESTORE_MEMORY;
  common->runs[common->run_count++] =
      (struct common_run){*run, adding->process};
  return 0;
}

int common_add(struct common *common, struct cache_reader *reader,
               size_t process, const struct ranges *ranges,
               struct hwckpt_error *error) {
  struct adding adding = {common, process};
  struct cache_plan *plan;
  int failed = cache_plan_make(reader, ranges->list, ranges->count,
                               CACHE_UNIT_FRAMES_MAX, &plan, error);
  if (failed)
    return failed;
  failed = cache_plan_each_place(plan, add_run, &adding);
  cache_plan_close(plan);
  return failed ? no_memory(error) : 0;
}

/* ---- finding ---- */

static int compare(uint64_t one, uint64_t other) {
  return one < other ? -1 : one > other;
}

static bool same_frame(const struct common_run *one,
                       const struct common_run *other) {
  return one->in.segment == other->in.segment &&
         one->in.frame == other->in.frame;
}

static int by_frame(const void *one, const void *other) {
  const struct common_run *a = one, *b = other;
  int result = compare(a->in.segment, b->in.segment);
  result = result ? result : compare(a->in.frame, b->in.frame);
  result = result ? result : compare(a->process, b->process);
  return result ? result : compare(a->in.address, b->in.address);
}

/* The pages [first, end) of a frame, which each run has all of or none. */
static bool add_group(struct common *common, const struct common_run *runs,
                      size_t count, unsigned first, unsigned end) {
  struct common_group group = {common->place_count, 0, end - first};
  for (size_t i = 0; i < count; i++) {
    const struct cache_log_run *in = &runs[i].in;
    if (in->first > first || in->first + in->count <= first)
      continue;
    if (!grow((void *)&common->places, common->place_count, &common->place_room,
              sizeof *common->places))
      return false;
    common->places[common->place_count++] = (struct stream_common_place){
        runs[i].process,
        in->address + (uint64_t)(first - in->first) * CACHE_PAGE_SIZE};
    group.places++;
  }
  if (group.places < 2) {
    common->place_count = group.first_place;
    return true;
  }
  if (!grow((void *)&common->groups, common->group_count, &common->group_room,
            sizeof *common->groups))
    return false;
  common->groups[common->group_count++] = group;
  return true;
}

/* Of the runs of one frame. */
static bool find_in_frame(struct common *common, const struct common_run *runs,
                          size_t count) {
  bool cut[CACHE_LOG_FRAME + 1] = {false};
  unsigned first = CACHE_LOG_FRAME;
  bool room = true;
  for (size_t i = 0; i < count; i++) {
    cut[runs[i].in.first] = cut[runs[i].in.first + runs[i].in.count] = true;
    first = runs[i].in.first < first ? runs[i].in.first : first;
  }
  for (unsigned end = first + 1; count > 1 && room && end <= CACHE_LOG_FRAME;
       end++)
    if (cut[end]) {
      room = add_group(common, runs, count, first, end);
      first = end;
    }
  return room;
}

static const struct stream_common_place *
place_of(const struct common *common, const struct common_group *group) {
  return &common->places[group->first_place];
}

static int by_place(const void *one, const void *other, void *context) {
  const struct stream_common_place *a = place_of(context, one);
  const struct stream_common_place *b = place_of(context, other);
  int result = compare(a->process, b->process);
  return result ? result : compare(a->address, b->address);
}

int common_find(struct common *common, struct hwckpt_error *error) {
  bool room = true;
  if (common->run_count)
    qsort(common->runs, common->run_count, sizeof *common->runs, by_frame);
  for (size_t i = 0, end; i < common->run_count && room; i = end) {
    for (end = i + 1; end < common->run_count &&
                      same_frame(&common->runs[i], &common->runs[end]);)
      end++;
    room = find_in_frame(common, &common->runs[i], end - i);
  }
  if (common->group_count)
    qsort_r(common->groups, common->group_count, sizeof *common->groups,
            by_place, common);
  return room ? 0 : no_memory(error);
}

/* ---- asking ---- */

int common_of(const struct common *common, size_t process, bool read,
              struct ranges *ranges, struct hwckpt_error *error) {
  bool room = true;
  for (size_t i = 0; i < common->group_count; i++) {
    const struct common_group *group = &common->groups[i];
    const struct stream_common_place *places = place_of(common, group);
    for (size_t j = 0; j < (read ? 1 : group->places) && room; j++)
      if (places[j].process == process)
        room = ranges_add(ranges, places[j].address,
                          places[j].address + group->pages * CACHE_PAGE_SIZE);
  }
  ranges_order(ranges);
  return room ? 0 : no_memory(error);
}

const struct common_group *common_at(const struct common *common,
                                     size_t process, uint64_t address) {
  size_t low = 0, high = common->group_count;
  while (low + 1 < high) {
    size_t middle = low + (high - low) / 2;
    const struct stream_common_place *place =
        place_of(common, &common->groups[middle]);
    if (place->process < process ||
        (place->process == process && place->address <= address))
      low = middle;
    else
      high = middle;
  }
  return &common->groups[low];
}

void common_free(struct common *common) {
  free(common->runs);
  free(common->groups);
  free(common->places);
  *common = (struct common){0};
}
