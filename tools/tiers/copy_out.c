/* copy_out.c - a generation of a cache as a stream. It is read by the cache's
 * own reader, which checks every byte: what is damaged is not copied. */
#include "copy.h"
#include "copy_members.h"

#include "runtime/support/record_types.h"

#include <stdlib.h>
#include <string.h>

#define ALL_MEMORY ~(uint64_t)(CACHE_PAGE_SIZE - 1)

struct ranges {
  struct cache_range *list;
  size_t count, room;
};

static int add_range(uint64_t begin, uint64_t end, void *context) {
  struct ranges *ranges = context;
  if (ranges->count == ranges->room) {
    size_t room = ranges->room ? 2 * ranges->room : 64;
    void *list = reallocarray(ranges->list, room, sizeof *ranges->list);
    if (!list)
      return -HWCKPT_E_RESTORE_MEMORY;
    ranges->list = list;
    ranges->room = room;
  }
  ranges->list[ranges->count++] = (struct cache_range){begin, end};
  return 0;
}

static int by_begin(const void *one, const void *other) {
  const struct cache_range *a = one, *b = other;
  return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* Makes them ascending and disjoint. */
static void order(struct ranges *ranges) {
  size_t used = 0;
  if (ranges->count)
    qsort(ranges->list, ranges->count, sizeof *ranges->list, by_begin);
  for (size_t i = 0; i < ranges->count; i++) {
    struct cache_range *last = used ? &ranges->list[used - 1] : NULL;
    if (!last || ranges->list[i].begin > last->end)
      ranges->list[used++] = ranges->list[i];
    else if (ranges->list[i].end > last->end)
      last->end = ranges->list[i].end;
  }
  ranges->count = used;
}

struct output {
  struct stream_writer *writer;
  struct hwckpt_error *error;
};

static int put_pages(uint64_t address, const void *data, size_t count,
                     void *context) {
  const struct output *output = context;
  return stream_put_pages(output->writer, address, data, count, output->error);
}

static int put_records(struct cache_reader *reader,
                       const struct output *output) {
  uint32_t type;
  const void *data;
  size_t length;
  int failed = 0;
  for (size_t i = 0;
       !failed && cache_reader_record(reader, i, &type, &data, &length); i++)
    failed =
        stream_put_record(output->writer, type, data, length, output->error);
  return failed;
}

static int put_all(struct cache_reader *reader, const struct ranges *ranges,
                   bool holes, struct output *output) {
  int failed = put_records(reader, output);
  for (size_t i = 0; holes && i < ranges->count && !failed; i++)
    failed = stream_put_hole(output->writer, ranges->list[i].begin,
                             ranges->list[i].end, output->error);
  if (!failed && ranges->count)
    failed = cache_replay(reader, ranges->list, ranges->count, put_pages,
                          output, output->error);
  return failed;
}

static int find_ranges(struct cache_reader *reader,
                       const struct copy_parent *parent, struct ranges *ranges,
                       struct hwckpt_error *error) {
  bool known = false;
  int failed =
      parent ? cache_reader_since(reader, parent->number, parent->identity,
                                  add_range, ranges, &known, error)
             : add_range(0, ALL_MEMORY, ranges);
  if (failed == -HWCKPT_E_RESTORE_MEMORY)
    hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "ranges", "%s", "");
  order(ranges);
  return failed;
}

/* What a tier has is copies of one process. */
static int check_alone(struct cache_reader *reader,
                       struct hwckpt_error *error) {
  const struct cache_generation *info = cache_reader_generation(reader);
  uint32_t type;
  const void *data;
  size_t length, members = 0;
  for (size_t i = 0; cache_reader_record(reader, i, &type, &data, &length); i++)
    members += type == RECORD_TREE_MEMBER;
  return members > 1 ? hwckpt_fail(error, HWCKPT_E_TREE_NOT_COPIED, 0,
                                   info->application, "generation %llu: %zu",
                                   (unsigned long long)info->number, members)
                     : 0;
}

static struct stream_identity identify(struct cache_reader *reader,
                                       const struct copy_parent *parent) {
  const struct cache_generation *info = cache_reader_generation(reader);
  struct stream_identity identity = {
      .number = info->number,
      .identity = info->identity,
      .parent = parent ? parent->number : 0,
      .parent_identity = parent ? parent->identity : 0,
      .commit_ns = info->commit_ns,
  };
  const char *part = strchr(info->application, '/');
  hwckpt_format(identity.application, sizeof identity.application, "%s",
                part ? part + 1 : info->application);
  return identity;
}

int copy_out(struct cache_reader *reader, const struct copy_parent *parent,
             int level, const struct stream_sink *sink,
             struct hwckpt_error *error) {
  const struct stream_identity identity = identify(reader, parent);
  struct output output = {.error = error};
  struct ranges ranges = {0};
  int failed = check_alone(reader, error);
  if (!failed)
    failed = find_ranges(reader, parent, &ranges, error);
  if (!failed)
    failed = stream_begin(sink, &identity, level, &output.writer, error);
  if (!failed) {
    failed = put_all(reader, &ranges, parent != NULL, &output);
    failed = stream_end(output.writer, failed, error);
  }
  free(ranges.list);
  return failed;
}

static int read_members(struct cache_reader *reader,
                        struct copy_members *members,
                        struct hwckpt_error *error) {
  uint32_t type;
  const void *data;
  size_t length;
  int failed = 0;
  for (size_t i = 0;
       !failed && cache_reader_record(reader, i, &type, &data, &length); i++)
    if (type == RECORD_TREE_MEMBER)
      failed = copy_members_add(members, data, length, error);
  return failed;
}

static int put_whole(struct cache_reader *reader, struct output *output) {
  struct ranges ranges = {0};
  int failed = find_ranges(reader, NULL, &ranges, output->error);
  if (!failed)
    failed = put_all(reader, &ranges, false, output);
  free(ranges.list);
  return failed;
}

static int put_part(struct cache *cache, const struct copy_members *members,
                    size_t i, struct output *output) {
  const struct copy_part part = copy_members_part(members, i);
  char name[CACHE_NAME_MAX];
  struct cache_reader *reader;
  hwckpt_format(name, sizeof name, "%s/%s", members->application, part.name);
  int failed =
      cache_reader_open(cache, name, part.generation, &reader, output->error);
  if (failed)
    return failed;
  const struct stream_identity identity = identify(reader, NULL);
  failed = stream_next(output->writer, &identity, output->error);
  if (!failed)
    failed = put_whole(reader, output);
  cache_reader_close(reader);
  return failed;
}

int copy_out_all(struct cache *cache, struct cache_reader *reader, int level,
                 const struct stream_sink *sink, struct hwckpt_error *error) {
  const char *application = cache_reader_generation(reader)->application;
  struct copy_members members = {.application = application,
                                 .place = application,
                                 .wrong = HWCKPT_E_RECORD};
  struct stream_identity identity = identify(reader, NULL);
  struct output output = {.error = error};
  int failed = read_members(reader, &members, error);
  identity.tree = members.processes > 1 || members.count;
  if (!failed)
    failed = stream_begin(sink, &identity, level, &output.writer, error);
  if (!failed) {
    failed = put_whole(reader, &output);
    for (size_t i = 0; i < members.count && !failed; i++)
      failed = put_part(cache, &members, i, &output);
    failed = stream_end(output.writer, failed, error);
  }
  copy_members_free(&members);
  return failed;
}

static int ignore(uint64_t begin, uint64_t end, void *context) {
  (void)begin;
  (void)end;
  (void)context;
  return 1;
}

bool copy_builds_on(struct cache_reader *reader,
                    const struct copy_parent *parent) {
  bool known = false;
  return cache_reader_since(reader, parent->number, parent->identity, ignore,
                            NULL, &known, NULL) >= 0 &&
         known;
}
