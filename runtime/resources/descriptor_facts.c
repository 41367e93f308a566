/* descriptor_facts.c - see descriptor_facts.h. */
#include "descriptor_facts.h"

#include "../arch/sys.h"
#include "flight.h"
#include "info.h"
#include "linked_name.h"
#include "registry.h"
#include "same_object.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/stat.h>

/* The name of a descriptor in a directory of the sink ("fd", "fdinfo"). */
static void name_of(int number, const char *what, char name[64]) {
  if (info_held(number) >= 0)
    info_descriptor(name, what, number);
  else
    hwckpt_format(name, 64, "%d", number);
}

/* From the text about the descriptor. */
static long read_info(const struct resource_sink *sink,
                      struct descriptor_fact *fact) {
  struct info info;
  uint64_t value;
  char name[64];
  name_of(fact->number, "fdinfo", name);
  long result = info_open_in(&info, sink->infos, name);
  if (result < 0)
    return result;
  for (const char *line; (line = info_line(&info));) {
    if (info_begins(line, "pos:") && info_number(line, "pos:", 10, &value))
      fact->offset = value;
    else if (info_begins(line, "flags:") &&
             info_number(line, "flags:", 8, &value)) {
      fact->close_on_exec = (value & O_CLOEXEC) != 0;
      fact->flags = (uint32_t)value & ~(uint32_t)O_CLOEXEC;
    } else if (info_begins(line, "lock:")) {
      fact->locked = true;
    } else if (info_begins(line, "eventfd-id:")) {
      info_number(line, "eventfd-id:", 10, &fact->id);
    } else if (info_number(line, "tty-index:", 10, &value)) {
      fact->id = value + 1;
    } else if (info_begins(line, "scm_fds:") &&
               info_number(line, "scm_fds:", 10, &value)) {
      fact->flying = (int32_t)value;
    }
  }
  info_close(&info);
  return 0;
}

static long inspect(const struct resource_sink *sink, int number,
                    struct descriptor_fact *fact) {
  char name[64];
  struct stat facts;
  memset(fact, 0, sizeof(*fact));
  fact->number = number;
  fact->flight = -1;
  name_of(number, "fd", name);
  long result = SYS(newfstatat, sink->links, name, &facts, 0);
  if (result < 0)
    return result;
  fact->mode = facts.st_mode;
  fact->device = facts.st_dev;
  fact->inode = facts.st_ino;
  fact->linked = facts.st_nlink > 0;
  fact->size = (uint64_t)facts.st_size;
  fact->mtime_ns = (uint64_t)facts.st_mtim.tv_sec * 1000000000ull +
                   (uint64_t)facts.st_mtim.tv_nsec;
  return read_info(sink, fact);
}

static bool is_mapped(const struct resource_sink *sink,
                      const struct descriptor_fact *fact) {
  for (size_t i = 0; i < sink->mapped_count; i++)
    if (sink->mapped[i].device == fact->device &&
        sink->mapped[i].inode == fact->inode)
      return true;
  return false;
}

long facts_describe(const struct resource_sink *sink,
                    const struct descriptor_fact *fact, Descriptor *message) {
  char name[64];
  memset(message, 0, sizeof(*message));
  message->number = fact->number;
  message->flags = fact->flags;
  message->close_on_exec = fact->close_on_exec;
  message->locked = fact->locked;
  message->offset = fact->offset;
  message->mode = fact->mode;
  message->device = fact->device;
  message->inode = fact->inode;
  message->size = fact->size;
  message->mtime_ns = fact->mtime_ns;
  message->same_as = -1;
  message->in_flight = fact->carrier != 0;
  name_of(fact->number, "fd", name);
  long length = SYS(readlinkat, sink->links, name, message->path,
                    sizeof(message->path) - 1);
  if (length < 0)
    return length;
  message->path[length] = 0;
  /* One that is mapped as well is nameless in both. */
  if (fact->linked && S_ISREG(fact->mode) && !is_mapped(sink, fact))
    linked_name(message);
  return 0;
}

struct gathering {
  struct resource_sink *sink;
  struct hwckpt_error *error;
  int result;
};

static void add_fact(int number, void *context) {
  struct gathering *all = context;
  struct resource_sink *sink = all->sink;
  struct descriptor_fact *rows =
      (void *)((char *)sink->scratch + RESOURCE_SCRATCH_FACTS);
  size_t room = RESOURCE_DESCRIPTORS;
  if (all->result)
    return;
  struct descriptor_fact fact;
  long result = inspect(sink, number, &fact);
  if (result == -ENOENT)
    return;
  if (result < 0)
    all->result = hwckpt_fail(all->error, HWCKPT_E_CAPTURE, (int)-result,
                              "/proc/self/fd", "descriptor %d", number);
  else if (sink->fact_count == room)
    all->result = hwckpt_fail(all->error, HWCKPT_E_CAPTURE, 0, "/proc/self/fd",
                              "more than %zu descriptors", room);
  else
    rows[sink->fact_count++] = fact;
}

static int open_directory(const char *name) {
  char path[64];
  info_path(path, "%s", name);
  return (int)SYS(openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                  0);
}

void facts_let_go(const struct resource_sink *sink) {
  if (sink->links >= 0)
    SYS(close, sink->links);
  if (sink->infos >= 0)
    SYS(close, sink->infos);
}

/* Afterwards, facts_let_go(). */
int facts_gather(struct resource_sink *sink, struct hwckpt_error *error) {
  struct gathering all = {sink, error, 0};
  sink->facts = (void *)((char *)sink->scratch + RESOURCE_SCRATCH_FACTS);
  sink->fact_count = 0;
  sink->links = open_directory("fd");
  sink->infos = open_directory("fdinfo");
  long listed = info_each_descriptor(add_fact, &all);
  if (listed < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-listed, "/proc/self/fd",
                       "listing");
  same_object_index(sink);
  return all.result;
}

/* ---- those on their way ---- */

static bool add_flight(int number, uint64_t carrier, void *context) {
  struct gathering *all = context;
  size_t before = all->sink->fact_count;
  add_fact(number, all);
  if (all->sink->fact_count > before) {
    struct descriptor_fact *rows =
        (void *)((char *)all->sink->scratch + RESOURCE_SCRATCH_FACTS);
    rows[before].carrier = carrier;
  }
  return !all->result;
}

int facts_gather_flights(struct resource_sink *sink,
                         struct hwckpt_error *error) {
  struct gathering all = {sink, error, 0};
  struct descriptor_fact *rows =
      (void *)((char *)sink->scratch + RESOURCE_SCRATCH_FACTS);
  int failed = 0;
  if (!sink->fact_count)
    return 0;
  size_t listed = sink->fact_count;
  info_hold_from(rows[sink->fact_count - 1].number + 1);
  for (size_t i = 0; !failed && i < sink->fact_count; i++) {
    size_t before = sink->fact_count;
    if (!flight_is_here(sink, i))
      continue;
    failed = flight_take(sink, i, add_flight, &all, error);
    if (!failed && sink->fact_count > before)
      rows[i].flight = rows[before].number;
  }
  if (sink->fact_count > listed)
    same_object_index(sink);
  return all.result ? all.result : failed;
}

/* ---- which descriptors share an open file ---- */

static int compare(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* An order of open files; 0: the same one. kcmp(2) has one too, and is asked
 * only where all else is equal. */
static int compare_files(const struct descriptor_fact *a,
                         const struct descriptor_fact *b) {
  int result = compare(a->device, b->device);
  result = result ? result : compare(a->inode, b->inode);
  result = result ? result : compare(a->flags, b->flags);
  result = result ? result : compare(a->offset, b->offset);
  result = result ? result : compare(a->id, b->id);
  if (result)
    return result;
  int one, other;
  int first = info_table(a->number, &one);
  int second = info_table(b->number, &other);
  long order = SYS(kcmp, first, second, KCMP_FILE, one, other);
  if (order >= 0)
    return order == 2 ? 1 : -(int)order;
  /* Without kcmp(): equal offsets other than 0 are hardly chance. */
  return a->offset ? 0 : compare((uint64_t)a->number, (uint64_t)b->number);
}

/* The facts before `index` are in the table, sorted, one for each open file. */
int32_t facts_same_as(const struct resource_sink *sink, size_t index,
                      size_t *files) {
  uint32_t *order = (void *)((char *)sink->scratch + RESOURCE_SCRATCH_ORDER);
  size_t low = 0, high = *files;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int result =
        compare_files(&sink->facts[index], &sink->facts[order[middle]]);
    if (!result)
      return sink->facts[order[middle]].number;
    if (result < 0)
      high = middle;
    else
      low = middle + 1;
  }
  memmove(order + low + 1, order + low, (*files - low) * sizeof(*order));
  order[low] = (uint32_t)index;
  ++*files;
  return -1;
}

const struct descriptor_kind *facts_recognise(const struct resource_sink *sink,
                                              const Descriptor *message) {
  size_t i = 0;
  while (!hwckpt_descriptor_kinds[i]->recognise(sink, message))
    i++; /* the last takes all */
  return hwckpt_descriptor_kinds[i];
}

const struct descriptor_fact *facts_find(const struct resource_sink *sink,
                                         int32_t number) {
  size_t low = 0, high = sink->fact_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (sink->facts[middle].number < number)
      low = middle + 1;
    else
      high = middle;
  }
  return low < sink->fact_count && sink->facts[low].number == number
             ? &sink->facts[low]
             : 0;
}
