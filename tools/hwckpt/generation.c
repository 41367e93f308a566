/* generation.c - the records of one generation, decoded and checked. */
#include "generation.h"

#include "runtime/resources/resource.h"
#include "runtime/support/area_fault.h"
#include "tools/restorer/plan.h"

#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATE_MAX (AREA_ADDRESS_END - RESTORE_GATE_SIZE)
/* Sets of regions count in gigabytes (docs/format.md), far below it. */
#define REGION_END (UINT64_C(1) << 62)

/* One decoded record of any kind. */
union record {
  Process process;
  Area area;
  Thread thread;
  Statistics statistics;
  SignalActions signal_actions;
  FileSystem file_system;
  Descriptor descriptor;
  Pipe pipe;
  RegionSet region_set;
  Region region;
  TreeMember member;
  Attributes attributes;
  Session session;
};

/* What is checked over all records, one after the other. */
struct walk {
  struct generation *generation;
  union record *record;
  size_t index;
  uint64_t area_end;
  int last_descriptor;
  uint64_t gate;     /* what of the gate is in no area yet begins there */
  const char *fault; /* what is wrong with the record */
};

/* The kernel's names of files are whole: one that goes up was not told by it.
 */
static bool goes_up(const char *path) {
  const char *at = path;
  while ((at = strstr(at, ".."))) {
    bool begins = at == path || at[-1] == '/';
    at += 2;
    if (begins && (!*at || *at == '/'))
      return true;
  }
  return false;
}

static bool take_process(struct walk *walk) {
  const Process *process = &walk->record->process;
  walk->fault = walk->index         ? "is not the first"
                : process->pid <= 0 ? "has no process id"
                : process->program[0] != '/' || goes_up(process->program)
                    ? "has no program"
                : process->gate % CACHE_PAGE_SIZE || process->gate > GATE_MAX
                    ? "has a gate where no memory is"
                    : NULL;
  walk->generation->process = *process;
  walk->gate = process->gate;
  return !walk->fault;
}

static bool take_area(struct walk *walk) {
  const Area *area = &walk->record->area;
  bool of_file = area->kind == AreaKind_AREA_FILE_PRIVATE ||
                 area->kind == AreaKind_AREA_FILE_SHARED;
  walk->fault = area_fault(area, walk->area_end);
  if (!walk->fault && of_file && (area->name[0] != '/' || goes_up(area->name)))
    walk->fault = "is of a file without a path";
  if (area->start <= walk->gate && walk->gate < area->end)
    walk->gate = area->end; /* covered up to there */
  walk->area_end = area->end;
  walk->generation->areas++;
  return !walk->fault;
}

static bool take_thread(struct walk *walk) {
  walk->fault = walk->record->thread.tid <= 0 ? "has no thread id" : NULL;
  walk->generation->threads++;
  return !walk->fault;
}

static bool take_statistics(struct walk *walk) {
  walk->generation->statistics = walk->record->statistics;
  return true;
}

static bool take_file_system(struct walk *walk) {
  const FileSystem *system = &walk->record->file_system;
  walk->fault = goes_up(system->directory) ? "has a path that goes up" : NULL;
  walk->generation->file_system = *system;
  return !walk->fault;
}

static bool take_descriptor(struct walk *walk) {
  const Descriptor *descriptor = &walk->record->descriptor;
  walk->fault = descriptor->number <= walk->last_descriptor ? "is out of order"
                : descriptor->same_as >= descriptor->number
                    ? "is the same as a later one"
                : descriptor->number > RESOURCE_DESCRIPTOR_MAX
                    ? "has a number that none can have"
                : descriptor->path[0] == '/' && goes_up(descriptor->path)
                    ? "has a path that goes up"
                    : NULL;
  walk->last_descriptor = descriptor->number;
  walk->generation->descriptors++;
  return !walk->fault;
}

static bool take_pipe(struct walk *walk) {
  walk->generation->pipes++;
  return true;
}

static bool take_region_set(struct walk *walk) {
  walk->fault = walk->index ? "is not the first" : NULL;
  walk->generation->holds_regions = true;
  walk->generation->region_set = walk->record->region_set;
  return !walk->fault;
}

static bool take_region(struct walk *walk) {
  const Region *region = &walk->record->region;
  bool fits =
      region->address <= REGION_END &&
      (!region->element ||
       region->count <= (REGION_END - region->address) / region->element);
  walk->fault =
      !walk->generation->holds_regions ? "is not in a set"
      : region->address < walk->area_end || region->address % CACHE_PAGE_SIZE
          ? "overlaps the one before"
      : !fits ? "is larger than memory can be"
              : NULL;
  walk->area_end = region->address + region->count * region->element;
  walk->generation->areas++;
  return !walk->fault;
}

static bool take_as_it_is(struct walk *walk) {
  (void)walk;
  return true;
}

static const struct kind {
  enum record_type type;
  const char *name;
  const pb_msgdesc_t *fields; /* null: raw bytes */
  bool (*take)(struct walk *walk);
} kinds[] = {
    {RECORD_PROCESS, "Process", Process_fields, take_process},
    {RECORD_AREA, "Area", Area_fields, take_area},
    {RECORD_THREAD, "Thread", Thread_fields, take_thread},
    {RECORD_STATISTICS, "Statistics", Statistics_fields, take_statistics},
    {RECORD_SIGNAL_ACTIONS, "SignalActions", SignalActions_fields,
     take_as_it_is},
    {RECORD_FILE_SYSTEM, "FileSystem", FileSystem_fields, take_file_system},
    {RECORD_DESCRIPTOR, "Descriptor", Descriptor_fields, take_descriptor},
    {RECORD_PIPE, "Pipe", Pipe_fields, take_pipe},
    {RECORD_PIPE_DATA, "pipe data", NULL, take_as_it_is},
    {RECORD_REGION_SET, "RegionSet", RegionSet_fields, take_region_set},
    {RECORD_REGION, "Region", Region_fields, take_region},
    {RECORD_TREE_MEMBER, "TreeMember", TreeMember_fields, take_as_it_is},
    {RECORD_ATTRIBUTES, "Attributes", Attributes_fields, take_as_it_is},
    {RECORD_SESSION, "Session", Session_fields, take_as_it_is},
};

static const struct kind *find_kind(uint32_t type) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].type == type)
      return &kinds[i];
  return NULL;
}

static int check_records(struct generation *generation, union record *record,
                         struct hwckpt_error *error) {
  struct walk walk = {
      .generation = generation, .record = record, .last_descriptor = -1};
  uint32_t type;
  const void *data;
  size_t length;
  for (; cache_reader_record(generation->reader, walk.index, &type, &data,
                             &length);
       walk.index++) {
    const struct kind *kind = find_kind(type);
    if (!walk.index && type != RECORD_PROCESS && type != RECORD_REGION_SET)
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, generation->name,
                         "the first record is of type %u, not the Process",
                         type);
    if (!kind || !kind->fields)
      continue; /* of a newer version, or nothing to decode */
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    if (!pb_decode(&stream, kind->fields, record))
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, generation->name,
                         "record %zu (%s, %zu bytes): %s", walk.index,
                         kind->name, length, PB_GET_ERROR(&stream));
    if (!kind->take(&walk))
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, generation->name,
                         "record %zu (%s) %s", walk.index, kind->name,
                         walk.fault);
  }
  uint64_t gate = generation->process.gate;
  if (gate && walk.gate < gate + RESTORE_GATE_SIZE)
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, generation->name,
                       "its gate at %llx is in no area",
                       (unsigned long long)gate);
  if (!walk.index || (!generation->threads && !generation->holds_regions))
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, generation->name,
                       "it has no %s", walk.index ? "thread" : "records");
  return 0;
}

typedef int open_function(struct cache *cache, const char *application,
                          uint64_t number, struct cache_reader **reader,
                          struct hwckpt_error *error);

static int open_any_by(open_function *open, struct cache *cache,
                       const char *application, uint64_t number,
                       struct generation *generation,
                       struct hwckpt_error *error) {
  memset(generation, 0, sizeof *generation);
  snprintf(generation->name, sizeof generation->name, "%s/%llu", application,
           (unsigned long long)number);
  int failed = open(cache, application, number, &generation->reader, error);
  if (failed)
    return failed;
  generation->info = cache_reader_generation(generation->reader);
  union record *record = malloc(sizeof *record);
  failed = record ? check_records(generation, record, error)
                  : hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0,
                                generation->name, "%s", "");
  free(record);
  if (failed)
    generation_close(generation);
  return failed;
}

/* A program. */
static int open_by(open_function *open, struct cache *cache,
                   const char *application, uint64_t number,
                   struct generation *generation, struct hwckpt_error *error) {
  int failed = open_any_by(open, cache, application, number, generation, error);
  if (failed || !generation->holds_regions)
    return failed;
  generation_close(generation);
  return hwckpt_fail(error, HWCKPT_E_REGIONS_ONLY, 0, generation->name, "%s",
                     "");
}

int generation_open_any(struct cache *cache, const char *application,
                        uint64_t number, struct generation *generation,
                        struct hwckpt_error *error) {
  return open_any_by(cache_reader_open, cache, application, number, generation,
                     error);
}

int generation_open(struct cache *cache, const char *application,
                    uint64_t number, struct generation *generation,
                    struct hwckpt_error *error) {
  return open_by(cache_reader_open, cache, application, number, generation,
                 error);
}

int generation_open_newest(struct cache *cache, const char *application,
                           uint64_t number, struct generation *generation,
                           struct hwckpt_error *error) {
  return open_by(cache_reader_open_newest, cache, application, number,
                 generation, error);
}

void generation_close(struct generation *generation) {
  if (generation->reader)
    cache_reader_close(generation->reader);
  generation->reader = NULL;
}

static bool next(const struct generation *generation, size_t *cursor,
                 enum record_type wanted, const pb_msgdesc_t *fields,
                 void *record) {
  uint32_t type;
  const void *data;
  size_t length;
  while (
      cache_reader_record(generation->reader, *cursor, &type, &data, &length)) {
    ++*cursor;
    if (type != (uint32_t)wanted)
      continue;
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    if (pb_decode(&stream, fields, record))
      return true;
  }
  return false;
}

bool generation_next_area(const struct generation *generation, size_t *cursor,
                          Area *area) {
  return next(generation, cursor, RECORD_AREA, Area_fields, area);
}

bool generation_next_region(const struct generation *generation, size_t *cursor,
                            Region *region) {
  return next(generation, cursor, RECORD_REGION, Region_fields, region);
}

bool generation_next_thread(const struct generation *generation, size_t *cursor,
                            Thread *thread) {
  return next(generation, cursor, RECORD_THREAD, Thread_fields, thread);
}

bool generation_next_descriptor(const struct generation *generation,
                                size_t *cursor, Descriptor *descriptor) {
  return next(generation, cursor, RECORD_DESCRIPTOR, Descriptor_fields,
              descriptor);
}

bool generation_next_member(const struct generation *generation, size_t *cursor,
                            TreeMember *member) {
  return next(generation, cursor, RECORD_TREE_MEMBER, TreeMember_fields,
              member);
}

bool generation_next_attributes(const struct generation *generation,
                                size_t *cursor, Attributes *attributes) {
  return next(generation, cursor, RECORD_ATTRIBUTES, Attributes_fields,
              attributes);
}

bool generation_next_session(const struct generation *generation,
                             size_t *cursor, Session *session) {
  return next(generation, cursor, RECORD_SESSION, Session_fields, session);
}

bool generation_next_pipe(const struct generation *generation, size_t *cursor,
                          Pipe *pipe) {
  return next(generation, cursor, RECORD_PIPE, Pipe_fields, pipe);
}

/* Enumerations in proto3 are open: a value may lie outside the table. */
static const char *word(const char *const *words, size_t count, int value) {
  return value >= 0 && (size_t)value < count ? words[value] : "unknown";
}

const char *generation_event(int event) {
  static const char *const words[] = {
      "none",       "timer", "signal",   "api",     "save",
      "every-site", "watch", "command",  "counter", "network",
      "file-io",    "send",  "pressure", "file",    "control"};
  _Static_assert(sizeof words / sizeof *words == _Event_ARRAYSIZE,
                 "an event without a name");
  return word(words, sizeof words / sizeof *words, event);
}

unsigned generation_next_event(const Statistics *statistics, unsigned after) {
  uint32_t later = statistics->events >> after >> 1;
  return later ? after + 1 + (unsigned)__builtin_ctz(later) : 0;
}

const char *generation_method(int method) {
  static const char *const words[] = {"unknown", "stop", "precopy", "cow"};
  return word(words, sizeof words / sizeof *words, method);
}

const char *generation_area_kind(int kind) {
  static const char *const words[] = {"anonymous", "file-private",
                                      "file-shared", "shared-memory", "kernel"};
  return word(words, sizeof words / sizeof *words, kind);
}

/* A switch, so that the compiler refuses a kind without a name. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
const char *generation_descriptor_kind(int kind) {
  switch ((DescriptorKind)kind) {
  case DescriptorKind_DESCRIPTOR_FILE:
    return "file";
  case DescriptorKind_DESCRIPTOR_PIPE:
    return "pipe";
  case DescriptorKind_DESCRIPTOR_INHERITED:
    return "inherited";
  case DescriptorKind_DESCRIPTOR_DEVICE:
    return "device";
  case DescriptorKind_DESCRIPTOR_UNSUPPORTED:
    return "unsupported";
  case DescriptorKind_DESCRIPTOR_DELETED_FILE:
    return "deleted file";
  case DescriptorKind_DESCRIPTOR_EVENTFD:
    return "eventfd";
  case DescriptorKind_DESCRIPTOR_EPOLL:
    return "epoll";
  case DescriptorKind_DESCRIPTOR_TIMERFD:
    return "timerfd";
  case DescriptorKind_DESCRIPTOR_SIGNALFD:
    return "signalfd";
  case DescriptorKind_DESCRIPTOR_PIDFD:
    return "pidfd";
  case DescriptorKind_DESCRIPTOR_SOCKET_PAIR:
    return "socket pair";
  case DescriptorKind_DESCRIPTOR_INTERNET_SOCKET:
    return "internet socket";
  case DescriptorKind_DESCRIPTOR_TERMINAL:
    return "terminal";
  case DescriptorKind_DESCRIPTOR_MAPPED_FILE:
    return "mapped file";
  case DescriptorKind_DESCRIPTOR_INOTIFY:
    return "inotify";
  case DescriptorKind_DESCRIPTOR_PSEUDO_TERMINAL:
    return "pseudo terminal";
  case DescriptorKind_DESCRIPTOR_LOST_CONNECTION:
    return "lost connection";
  case DescriptorKind_DESCRIPTOR_UNIX_SOCKET:
    return "unix socket";
  case DescriptorKind_DESCRIPTOR_ROUTE_SOCKET:
    return "route socket";
  case DescriptorKind_DESCRIPTOR_TCP_CONNECTION:
    return "TCP connection";
  case DescriptorKind_DESCRIPTOR_POSIX_QUEUE:
    return "POSIX queue";
  case DescriptorKind_DESCRIPTOR_IO_URING:
    return "io_uring";
  case DescriptorKind_DESCRIPTOR_USERFAULTFD:
    return "userfaultfd";
  case DescriptorKind_DESCRIPTOR_PATH:
    return "path";
  case DescriptorKind_DESCRIPTOR_NAMESPACE:
    return "namespace";
  }
  return "unknown";
}
#pragma GCC diagnostic pop
