/* copy_out.c - a generation of a cache as a stream. It is read by the cache's
 * own reader, which checks every byte: what is damaged is not copied. */
#include "copy.h"
#include "copy_common.h"
#include "copy_members.h"

#include "runtime/support/record_types.h"

#include <stdlib.h>
#include <string.h>

#define ALL_MEMORY ~(uint64_t)(CACHE_PAGE_SIZE - 1)

/* The first is the application's own; its reader is the caller's. */
struct process {
  struct cache_reader *reader;
  bool builds_on;        /* only what is new since the parent is copied */
  struct copy_parent on; /* that */
  struct ranges ranges;  /* what is copied */
};

struct output {
  struct cache *cache;
  const char *application;
  struct stream_writer *writer;
  struct process *processes;
  size_t count;
  struct common common;
  size_t reading; /* the process whose pages for all are put */
  struct hwckpt_error *error;
};

static int no_memory(struct output *output) {
  return hwckpt_fail(output->error, HWCKPT_E_RESTORE_MEMORY, 0,
                     output->application, "ranges");
}

/* ---- who is copied ---- */

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

/* The parts of the parent, as far as they are there. */
static void read_parent(struct output *output, const struct copy_parent *parent,
                        struct copy_members *before) {
  struct cache_reader *reader;
  if (!parent || cache_reader_open_newest(output->cache, output->application,
                                          parent->number, &reader, NULL))
    return;
  if (cache_reader_generation(reader)->identity != parent->identity ||
      read_members(reader, before, NULL))
    before->count = 0;
  cache_reader_close(reader);
}

/* Whether a part of the parent is one that this one builds on. */
static void find_part_before(struct output *output,
                             const struct copy_members *before,
                             const char *name, const char *part,
                             struct process *process) {
  struct cache_reader *reader;
  size_t i = 0;
  while (i < before->count &&
         strcmp(copy_members_part(before, i).name, part) != 0)
    i++;
  if (i == before->count)
    return;
  uint64_t number = copy_members_part(before, i).generation;
  if (cache_reader_open_newest(output->cache, name, number, &reader, NULL))
    return;
  process->on =
      (struct copy_parent){number, cache_reader_generation(reader)->identity};
  cache_reader_close(reader);
  process->builds_on =
      number < cache_reader_generation(process->reader)->number &&
      copy_builds_on(process->reader, &process->on);
}

int copy_part_failed(const char *application, uint64_t number, const char *part,
                     uint64_t part_number, int failed,
                     struct hwckpt_error *error) {
  char whole[CACHE_NAME_MAX + 32];
  if (failed != -HWCKPT_E_NO_GENERATION && failed != -HWCKPT_E_NO_APPLICATION)
    return failed;
  hwckpt_format(whole, sizeof whole, "%s/%llu", application,
                (unsigned long long)number);
  return hwckpt_fail(error, HWCKPT_E_CHAIN_BROKEN, 0, whole,
                     "%s/%llu, of another process of it, is missing", part,
                     (unsigned long long)part_number);
}

static int open_part(struct output *output, const struct copy_members *members,
                     size_t i, const struct copy_members *before) {
  const struct copy_part part = copy_members_part(members, i);
  struct process *process = &output->processes[output->count];
  char name[CACHE_NAME_MAX];
  hwckpt_format(name, sizeof name, "%s/%s", output->application, part.name);
  int failed = cache_reader_open(output->cache, name, part.generation,
                                 &process->reader, output->error);
  if (failed)
    return copy_part_failed(
        output->application,
        cache_reader_generation(output->processes->reader)->number, name,
        part.generation, failed, output->error);
  output->count++;
  find_part_before(output, before, name, part.name, process);
  return 0;
}

/* A part that the records name twice cannot be. */
static int check_names(const struct output *output,
                       const struct copy_members *members) {
  for (size_t i = 0; i < members->count; i++)
    for (size_t j = 0; j < i; j++)
      if (!strcmp(copy_members_part(members, i).name,
                  copy_members_part(members, j).name))
        return hwckpt_fail(output->error, HWCKPT_E_RECORD, 0,
                           output->application, "two processes are %s",
                           copy_members_part(members, i).name);
  return 0;
}

static int open_processes(struct output *output, struct cache_reader *reader,
                          const struct copy_parent *parent,
                          const struct copy_members *members,
                          const struct copy_members *before) {
  output->processes = calloc(members->count + 1, sizeof *output->processes);
  if (!output->processes)
    return no_memory(output);
  output->count = 1;
  output->processes->reader = reader;
  output->processes->builds_on = parent != NULL;
  if (parent)
    output->processes->on = *parent;
  int failed = check_names(output, members);
  for (size_t i = 0; i < members->count && !failed; i++)
    failed = open_part(output, members, i, before);
  return failed;
}

static void close_processes(struct output *output) {
  for (size_t i = 0; i < output->count; i++) {
    if (i)
      cache_reader_close(output->processes[i].reader);
    ranges_free(&output->processes[i].ranges);
  }
  free(output->processes);
  common_free(&output->common);
}

/* ---- what of them ---- */

static int add_range(uint64_t begin, uint64_t end, void *context) {
  return ranges_add(context, begin, end) ? 0 : -HWCKPT_E_RESTORE_MEMORY;
}

static int find_ranges(struct process *process, struct output *output) {
  bool known = false;
  int failed = process->builds_on
                   ? cache_reader_since(process->reader, process->on.number,
                                        process->on.identity, add_range,
                                        &process->ranges, &known, output->error)
                   : add_range(0, ALL_MEMORY, &process->ranges);
  if (failed == -HWCKPT_E_RESTORE_MEMORY)
    no_memory(output);
  ranges_order(&process->ranges);
  return failed;
}

static int find_all(struct output *output) {
  int failed = 0;
  for (size_t i = 0; i < output->count && !failed; i++) {
    failed = find_ranges(&output->processes[i], output);
    if (!failed && output->count > 1)
      failed = common_add(&output->common, output->processes[i].reader, i,
                          &output->processes[i].ranges, output->error);
  }
  return failed || output->count == 1
             ? failed
             : common_find(&output->common, output->error);
}

/* ---- putting it ---- */

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

/* All of it but what it has in common. */
static int put_process(struct output *output, size_t i) {
  struct process *process = &output->processes[i];
  struct ranges common = {0};
  int failed = put_records(process->reader, output);
  for (size_t j = 0; process->builds_on && j < process->ranges.count && !failed;
       j++)
    failed = stream_put_hole(output->writer, process->ranges.list[j].begin,
                             process->ranges.list[j].end, output->error);
  if (!failed)
    failed = common_of(&output->common, i, false, &common, output->error);
  if (!failed && !ranges_subtract(&process->ranges, &common))
    failed = no_memory(output);
  if (!failed && process->ranges.count)
    failed =
        cache_replay(process->reader, process->ranges.list,
                     process->ranges.count, put_pages, output, output->error);
  ranges_free(&common);
  return failed;
}

/* Pages of one process, some of one group, then some of the next. */
static int put_common(uint64_t address, const void *data, size_t count,
                      void *context) {
  struct output *output = context;
  const unsigned char *from = data;
  int failed = 0;
  for (size_t done = 0, part; done < count && !failed; done += part) {
    const struct common_group *group = common_at(
        &output->common, output->reading, address + done * CACHE_PAGE_SIZE);
    struct stream_common_place *places =
        &output->common.places[group->first_place];
    size_t skip = (size_t)(address + done * CACHE_PAGE_SIZE - places->address) /
                  CACHE_PAGE_SIZE;
    part = group->pages - skip;
    part = part < count - done ? part : count - done;
    for (size_t i = 0; i < group->places; i++)
      places[i].address += skip * CACHE_PAGE_SIZE;
    failed = stream_put_common(output->writer, from + done * CACHE_PAGE_SIZE,
                               part, places, group->places, output->error);
    for (size_t i = 0; i < group->places; i++)
      places[i].address -= skip * CACHE_PAGE_SIZE;
  }
  return failed;
}

static int put_all_common(struct output *output) {
  int failed = 0;
  for (size_t i = 0; i < output->count && !failed; i++) {
    struct ranges read = {0};
    output->reading = i;
    failed = common_of(&output->common, i, true, &read, output->error);
    if (!failed && read.count)
      failed = cache_replay(output->processes[i].reader, read.list, read.count,
                            put_common, output, output->error);
    ranges_free(&read);
  }
  return failed;
}

static struct stream_identity identify(const struct process *process) {
  const struct cache_generation *info =
      cache_reader_generation(process->reader);
  struct stream_identity identity = {
      .number = info->number,
      .identity = info->identity,
      .parent = process->builds_on ? process->on.number : 0,
      .parent_identity = process->builds_on ? process->on.identity : 0,
      .commit_ns = info->commit_ns,
  };
  const char *part = strchr(info->application, '/');
  hwckpt_format(identity.application, sizeof identity.application, "%s",
                part ? part + 1 : info->application);
  return identity;
}

static int put_all(struct output *output) {
  int failed = put_process(output, 0);
  for (size_t i = 1; i < output->count && !failed; i++) {
    const struct stream_identity identity = identify(&output->processes[i]);
    failed = stream_next(output->writer, &identity, output->error);
    if (!failed)
      failed = put_process(output, i);
  }
  return failed ? failed : put_all_common(output);
}

int copy_out(struct cache *cache, struct cache_reader *reader,
             const struct copy_parent *parent, int level,
             const struct stream_sink *sink, struct hwckpt_error *error) {
  const char *application = cache_reader_generation(reader)->application;
  struct copy_members members = {.application = application,
                                 .place = application,
                                 .wrong = HWCKPT_E_RECORD};
  struct copy_members before = members;
  struct output output = {
      .cache = cache, .application = application, .error = error};
  int failed = read_members(reader, &members, error);
  read_parent(&output, parent, &before);
  if (!failed)
    failed = open_processes(&output, reader, parent, &members, &before);
  if (!failed)
    failed = find_all(&output);
  if (!failed) {
    struct stream_identity identity = identify(output.processes);
    identity.tree = members.processes > 1 || members.count;
    failed = stream_begin(sink, &identity, level, &output.writer, error);
  }
  if (!failed)
    failed = stream_end(output.writer, put_all(&output), error);
  close_processes(&output);
  copy_members_free(&members);
  copy_members_free(&before);
  return failed;
}

int copy_check_parts(struct cache *cache, const char *application,
                     uint64_t number, copy_check_part *check, void *context,
                     struct hwckpt_error *error) {
  struct copy_members members = {.application = application,
                                 .place = application,
                                 .wrong = HWCKPT_E_RECORD};
  struct cache_reader *reader;
  int failed =
      cache_reader_open_newest(cache, application, number, &reader, error);
  if (failed)
    return failed;
  failed = read_members(reader, &members, error);
  for (size_t i = 0; i < members.count && !failed; i++) {
    const struct copy_part part = copy_members_part(&members, i);
    char name[CACHE_NAME_MAX];
    hwckpt_format(name, sizeof name, "%s/%s", application, part.name);
    failed =
        copy_part_failed(application, number, name, part.generation,
                         check(name, part.generation, context, error), error);
  }
  cache_reader_close(reader);
  copy_members_free(&members);
  return failed;
}

static int check_part(const char *part, uint64_t number, void *context,
                      struct hwckpt_error *error) {
  return cache_check(context, part, number, error);
}

int copy_check_cached(struct cache *cache, const char *application,
                      uint64_t number, struct hwckpt_error *error) {
  int failed = cache_check(cache, application, number, error);
  return failed ? failed
                : copy_check_parts(cache, application, number, check_part,
                                   cache, error);
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
