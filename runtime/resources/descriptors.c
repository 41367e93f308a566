/* descriptors.c - the program's table of descriptors: every number with its
 * open file, those that share one sharing it again. What an open file is, its
 * kind knows (resource.h). */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "flight.h"
#include "info.h"
#include "locks.h"
#include "owners.h"
#include "registry.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the facts of descriptors ---- */

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
  fact->size = (uint64_t)facts.st_size;
  fact->mtime_ns = (uint64_t)facts.st_mtim.tv_sec * 1000000000ull +
                   (uint64_t)facts.st_mtim.tv_nsec;
  return read_info(sink, fact);
}

/* What is known of a descriptor whatever its kind. */
static long describe(const struct resource_sink *sink,
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

static void let_go(const struct resource_sink *sink) {
  if (sink->links >= 0)
    SYS(close, sink->links);
  if (sink->infos >= 0)
    SYS(close, sink->infos);
}

/* Afterwards, let_go(). */
static int gather(struct resource_sink *sink, struct hwckpt_error *error) {
  struct gathering all = {sink, error, 0};
  sink->facts = (void *)((char *)sink->scratch + RESOURCE_SCRATCH_FACTS);
  sink->fact_count = 0;
  sink->links = open_directory("fd");
  sink->infos = open_directory("fdinfo");
  long listed = info_each_descriptor(add_fact, &all);
  if (listed < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-listed, "/proc/self/fd",
                       "listing");
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

/* After gather(); afterwards, info_let_go(). */
static int gather_flights(struct resource_sink *sink,
                          struct hwckpt_error *error) {
  struct gathering all = {sink, error, 0};
  struct descriptor_fact *rows =
      (void *)((char *)sink->scratch + RESOURCE_SCRATCH_FACTS);
  int failed = 0;
  if (!sink->fact_count)
    return 0;
  info_hold_from(rows[sink->fact_count - 1].number + 1);
  for (size_t i = 0; !failed && i < sink->fact_count; i++) {
    size_t before = sink->fact_count;
    if (!flight_is_here(sink, i))
      continue;
    failed = flight_take(sink, i, add_flight, &all, error);
    if (!failed && sink->fact_count > before)
      rows[i].flight = rows[before].number;
  }
  return all.result ? all.result : failed;
}

/* ---- saving ---- */

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

/* The lowest descriptor with the same open file, -1: none. The facts before
 * `index` are in the table, sorted, one for each open file. */
static int32_t same_as(const struct resource_sink *sink, size_t index,
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

static const struct descriptor_kind *recognise(const struct resource_sink *sink,
                                               const Descriptor *message) {
  size_t i = 0;
  while (!hwckpt_descriptor_kinds[i]->recognise(sink, message))
    i++; /* the last takes all */
  return hwckpt_descriptor_kinds[i];
}

static int save_descriptor(struct resource_sink *sink, size_t index,
                           size_t *files, struct hwckpt_error *error) {
  Descriptor message;
  const struct descriptor_fact *fact = &sink->facts[index];
  long failure = describe(sink, fact, &message);
  if (failure < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-failure, "/proc/self/fd",
                       "descriptor %d", (int)fact->number);
  const struct descriptor_kind *kind = recognise(sink, &message);
  message.kind = kind->kind;
  message.same_as = same_as(sink, index, files);
  /* Who restores may give three different ones. */
  if (kind->kind == DescriptorKind_DESCRIPTOR_INHERITED)
    message.same_as = -1;
  if (kind->kind == DescriptorKind_DESCRIPTOR_INHERITED || message.same_as >= 0)
    message.locked = false;
  else if (kind->kind != DescriptorKind_DESCRIPTOR_TERMINAL)
    tree_share(sink, &message);
  if (fact->carrier && !message.shared && !flight_matters(sink, fact))
    return 0;
  int result = message.locked ? locks_save(sink, &message, error) : 0;
  if (!result && message.same_as < 0 && !tree_takes(&message))
    result = owners_save(sink, &message, error);
  if (!result && kind->save && !tree_takes(&message))
    result = kind->save(sink, &message, error);
  if (result)
    return result;
  return resource_put(sink, RECORD_DESCRIPTOR, Descriptor_fields, &message,
                      error);
}

int descriptors_save(struct resource_sink *sink, struct hwckpt_error *error) {
  size_t files = 0;
  int result = gather(sink, error);
  if (!result)
    result = gather_flights(sink, error);
  for (size_t i = 0; !result && i < sink->fact_count; i++)
    result = save_descriptor(sink, i, &files, error);
  info_let_go();
  let_go(sink);
  return result;
}

/* ---- restoring ---- */

static const struct descriptor_kind *kind_of(const Descriptor *message) {
  for (size_t i = 0; hwckpt_descriptor_kinds[i]; i++)
    if (hwckpt_descriptor_kinds[i]->kind == message->kind)
      return hwckpt_descriptor_kinds[i];
  return 0;
}

/* Calls visit for every descriptor recorded, ascending. */
static int each_descriptor(struct resource_source *source, void *context,
                           int (*visit)(struct resource_source *source,
                                        const Descriptor *message,
                                        void *context,
                                        struct hwckpt_error *error),
                           struct hwckpt_error *error) {
  Descriptor message;
  int last = -1;
  for (size_t i = 0; i < source->count; i++) {
    if (source->records[i].type != RECORD_DESCRIPTOR)
      continue;
    int result =
        resource_get(&source->records[i], Descriptor_fields, &message, error);
    if (result)
      return result;
    if (message.number <= last || message.same_as >= message.number ||
        message.number > RESOURCE_DESCRIPTOR_MAX || message.same_as < -1 ||
        !kind_of(&message))
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "descriptor",
                         "%d, kind %d, same as %d, after %d",
                         (int)message.number, (int)message.kind,
                         (int)message.same_as, last);
    last = message.number;
    source->at = i;
    result = visit(source, &message, context, error);
    if (result)
      return result;
  }
  return 0;
}

static int note_highest(struct resource_source *source,
                        const Descriptor *message, void *context,
                        struct hwckpt_error *error) {
  (void)source;
  (void)error;
  *(int *)context = message->number;
  return 0;
}

static int open_or_take(struct resource_source *source,
                        const Descriptor *message, struct hwckpt_error *error) {
  return tree_takes(message)
             ? tree_receive(source, TREE_FILE, message->shared, message, error)
             : kind_of(message)->open(source, message, error);
}

/* Opens the object and puts it at its number. */
static int place(struct resource_source *source, const Descriptor *message,
                 void *context, struct hwckpt_error *error) {
  (void)context;
  bool shared = message->same_as >= 0;
  int fd = shared ? message->same_as : open_or_take(source, message, error);
  if (fd < 0)
    return fd;
  long result;
  if (fd == message->number)
    result = SYS(fcntl, fd, F_SETFD, message->close_on_exec ? FD_CLOEXEC : 0);
  else
    result =
        SYS(dup3, fd, message->number, message->close_on_exec ? O_CLOEXEC : 0);
  if (!shared && fd != message->number)
    SYS(close, fd);
  if (result < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                       message->path, "placing descriptor %d",
                       (int)message->number);
  return message->gives ? tree_hand_on(source, TREE_FILE, message->shared,
                                       message->number, error)
                        : 0;
}

static bool is_open(int number) { return SYS(fcntl, number, F_GETFD) >= 0; }

/* Whether another process of the tree makes it, or what it is made of. */
static bool is_of_others(const struct resource_source *source,
                         const Descriptor *message) {
  const struct descriptor_kind *kind = kind_of(message);
  return tree_takes(message) || (kind->takes && kind->takes(source, message));
}

/* Places it, unless it waits. The numbers were free before. */
static int place_unless_it_waits(struct resource_source *source,
                                 const Descriptor *message, void *context,
                                 struct hwckpt_error *error) {
  const struct descriptor_kind *kind = kind_of(message);
  if (message->same_as >= 0 ? !is_open(message->same_as)
                            : kind->waits && kind->waits(message)) {
    source->waits = true;
    return 0;
  }
  return place(source, message, context, error);
}

/* What this process makes itself, and so all that it gives. */
static int place_own(struct resource_source *source, const Descriptor *message,
                     void *context, struct hwckpt_error *error) {
  if (message->same_as >= 0 ? !is_open(message->same_as)
                            : is_of_others(source, message))
    return 0;
  return place_unless_it_waits(source, message, context, error);
}

static int place_rest(struct resource_source *source, const Descriptor *message,
                      void *context, struct hwckpt_error *error) {
  return is_open(message->number)
             ? 0
             : place_unless_it_waits(source, message, context, error);
}

static int place_later(struct resource_source *source,
                       const Descriptor *message, void *context,
                       struct hwckpt_error *error) {
  return is_open(message->number) ? 0 : place(source, message, context, error);
}

static int link_up(struct resource_source *source, const Descriptor *message,
                   void *context, struct hwckpt_error *error) {
  const struct descriptor_kind *kind = kind_of(message);
  (void)context;
  if (!kind->link || message->same_as >= 0 || tree_takes(message))
    return 0;
  return kind->link(source, message, message->number, error);
}

static int lock(struct resource_source *source, const Descriptor *message,
                void *context, struct hwckpt_error *error) {
  (void)context;
  return message->locked ? locks_restore(source, message, error) : 0;
}

static int lock_if_open(struct resource_source *source,
                        const Descriptor *message, void *context,
                        struct hwckpt_error *error) {
  return is_open(message->number) ? lock(source, message, context, error) : 0;
}

static int settle(struct resource_source *source, const Descriptor *message,
                  void *context, struct hwckpt_error *error) {
  const struct descriptor_kind *kind = kind_of(message);
  (void)context;
  if (!kind->settle || message->same_as >= 0 || tree_takes(message))
    return 0;
  return kind->settle(source, message, message->number, error);
}

/* Moves *fd above every number of the program. */
static int move_away(int *fd, int above, struct hwckpt_error *error) {
  if (*fd < 0)
    return 0;
  long moved = SYS(fcntl, *fd, F_DUPFD_CLOEXEC, above + 1);
  if (moved < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-moved,
                       "descriptor", "%d cannot move above %d", *fd, above);
  *fd = (int)moved;
  return 0;
}

/* Closes all descriptors but the `count` kept ones (-1: none). */
static void close_others(const int *kept, size_t count) {
  unsigned from = 0;
  for (;;) {
    unsigned next = ~0u;
    for (size_t i = 0; i < count; i++)
      if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next)
        next = (unsigned)kept[i];
    if (next == ~0u)
      break;
    if (next > from)
      SYS(close_range, from, next - 1, 0);
    from = next + 1;
  }
  SYS(close_range, from, ~0u, 0);
}

/* Leaves open only *keep and what is inherited, all out of the way. */
static int clear_table(struct resource_source *source, int *keep,
                       struct hwckpt_error *error) {
  int highest = 2;
  int result = each_descriptor(source, &highest, note_highest, error);
  highest = highest < 2 ? 2 : highest;
  if (!result)
    result = move_away(keep, highest, error);
  for (size_t i = 0; i < 3 && !result; i++)
    result = move_away(&source->inherited[i], highest, error);
  if (result)
    return result;
  static int kept[4 + RESOURCE_FILES];
  size_t count = 4;
  memcpy(kept,
         (int[]){*keep, source->inherited[0], source->inherited[1],
                 source->inherited[2]},
         4 * sizeof(*kept));
  for (size_t i = 0; i < source->mapped_count && !result; i++) {
    result = move_away(&source->mapped[i].descriptor, highest, error);
    kept[count++] = source->mapped[i].descriptor;
  }
  if (!result)
    close_others(kept, count);
  return result;
}

static void close_borrowed(struct resource_source *source) {
  for (size_t i = 0; i < source->mapped_count; i++)
    SYS(close, source->mapped[i].descriptor);
  source->mapped_count = 0;
  for (size_t i = 0; i < 3; i++) {
    if (source->inherited[i] >= 0)
      SYS(close, source->inherited[i]);
    source->inherited[i] = -1;
  }
}

int descriptors_restore(struct resource_source *source, int *keep,
                        struct hwckpt_error *error) {
  int result = clear_table(source, keep, error);
  source->waits = false;
  if (!result)
    result = each_descriptor(source, 0, place_own, error);
  if (!result)
    result = each_descriptor(source, 0, place_rest, error);
  if (!result && !source->waits)
    result = each_descriptor(source, 0, link_up, error);
  /* Before locks are taken: a close gives up those of the process. */
  close_borrowed(source);
  return result ? result : each_descriptor(source, 0, lock_if_open, error);
}

/* Numbers of inodes are used again: what was opened may have been another file,
 * and the right one is there since files were rolled back. */
static int close_strayed(struct resource_source *source,
                         const Descriptor *message, void *context,
                         struct hwckpt_error *error) {
  struct stat open, there;
  (void)context;
  (void)error;
  if (!kind_of(message)->waits || message->path[0] != '/' ||
      SYS(fstat, message->number, &open) < 0 || !S_ISREG(open.st_mode) ||
      SYS(newfstatat, AT_FDCWD, message->path, &there, 0) < 0 ||
      (open.st_ino == there.st_ino && open.st_dev == there.st_dev))
    return 0;
  SYS(close, message->number);
  source->waits = true;
  return 0;
}

int descriptors_settle(struct resource_source *source,
                       struct hwckpt_error *error) {
  int result = each_descriptor(source, 0, close_strayed, error);
  if (result)
    return result;
  if (source->waits) {
    /* Closing what was opened on the way may have given locks up. */
    result = each_descriptor(source, 0, place_later, error);
    if (!result)
      result = each_descriptor(source, 0, link_up, error);
    if (!result)
      result = each_descriptor(source, 0, lock, error);
  }
  return result ? result : each_descriptor(source, 0, settle, error);
}

static int close_flight(struct resource_source *source,
                        const Descriptor *message, void *context,
                        struct hwckpt_error *error) {
  (void)source;
  (void)error;
  if (message->in_flight) {
    SYS(close, message->number);
    *(bool *)context = true;
  }
  return 0;
}

int descriptors_finish(struct resource_source *source,
                       struct hwckpt_error *error) {
  bool any = false;
  int result = each_descriptor(source, &any, close_flight, error);
  /* Closing gives up those of the process. */
  return result || !any ? result
                        : each_descriptor(source, 0, lock_if_open, error);
}

/* ---- rolling back ---- */

static struct descriptor_now *now_of(const struct resource_source *source,
                                     int number) {
  size_t low = 0, high = source->now_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (source->now[middle].number == number)
      return &source->now[middle];
    if (source->now[middle].number < number)
      low = middle + 1;
    else
      high = middle;
  }
  return 0;
}

/* What of the flags fcntl() cannot change back. */
#define FIXED_FLAGS (uint32_t)(O_ACCMODE | O_PATH | O_SYNC | O_DIRECTORY)

/* Whether the number still has the object it had, shared as it was. */
static bool is_the_same(const struct resource_source *source,
                        const struct resource_sink *sink,
                        const struct descriptor_now *now,
                        const Descriptor *then) {
  Descriptor message;
  if (describe(sink, &sink->facts[now - source->now], &message) < 0)
    return false;
  /* Another one since the program was restored; sharing is not recorded. */
  if (then->kind == DescriptorKind_DESCRIPTOR_INHERITED)
    return recognise(sink, &message)->kind == then->kind;
  if (now->same_as != then->same_as)
    return false;
  if (then->same_as >= 0)
    return now_of(source, then->same_as)->stays;
  return message.device == then->device && message.inode == then->inode &&
         (message.flags & FIXED_FLAGS) == (then->flags & FIXED_FLAGS);
}

static int check_one(struct resource_source *source, const Descriptor *message,
                     void *context, struct hwckpt_error *error) {
  const struct descriptor_kind *kind = kind_of(message);
  struct descriptor_now *now = now_of(source, message->number);
  if (now)
    now->stays = kind->rewind && is_the_same(source, context, now, message);
  if (message->same_as >= 0 || !kind->check)
    return 0;
  return kind->check(source, message, now && now->stays ? now->number : -1,
                     error);
}

int descriptors_check(struct resource_source *source,
                      struct hwckpt_error *error) {
  struct resource_sink sink = {.scratch = source->scratch};
  size_t files = 0;
  int result = gather(&sink, error);
  if (result) {
    let_go(&sink);
    return result;
  }
  source->now_count = sink.fact_count;
  for (size_t i = 0; i < sink.fact_count; i++)
    source->now[i] = (struct descriptor_now){sink.facts[i].number,
                                             same_as(&sink, i, &files), false};
  result = each_descriptor(source, &sink, check_one, error);
  let_go(&sink);
  return result;
}

/* What it has open went, and was made again where it stood. */
static bool went(const Descriptor *message) {
  struct stat open, there;
  return kind_of(message)->waits && message->path[0] == '/' &&
         SYS(fstat, message->number, &open) == 0 && S_ISREG(open.st_mode) &&
         open.st_nlink == 0 &&
         SYS(newfstatat, AT_FDCWD, message->path, &there, 0) == 0 &&
         S_ISREG(there.st_mode);
}

/* Those that share it come behind it. */
static int leave_what_went(struct resource_source *source,
                           const Descriptor *message, void *context,
                           struct hwckpt_error *error) {
  struct descriptor_now *now = now_of(source, message->number);
  (void)context;
  (void)error;
  if (now && now->stays)
    now->stays = message->same_as >= 0 ? now_of(source, message->same_as)->stays
                                       : !went(message);
  return 0;
}

static void close_what_does_not_stay(const struct resource_source *source) {
  for (size_t i = 0; i < source->now_count; i++)
    if (!source->now[i].stays)
      SYS(close, source->now[i].number);
}

static int rewind_or_place(struct resource_source *source,
                           const Descriptor *message, void *context,
                           struct hwckpt_error *error) {
  const struct descriptor_now *now = now_of(source, message->number);
  if (!now || !now->stays)
    return place(source, message, context, error);
  SYS(fcntl, message->number, F_SETFD, message->close_on_exec ? FD_CLOEXEC : 0);
  return message->same_as >= 0 ? 0
                               : kind_of(message)->rewind(
                                     source, message, message->number, error);
}

int descriptors_roll_back(struct resource_source *source,
                          struct hwckpt_error *error) {
  int result = each_descriptor(source, 0, leave_what_went, error);
  if (result)
    return result;
  close_what_does_not_stay(source);
  result = each_descriptor(source, 0, rewind_or_place, error);
  if (!result)
    result = each_descriptor(source, 0, link_up, error);
  if (!result)
    result = each_descriptor(source, 0, lock, error);
  return result ? result : each_descriptor(source, 0, settle, error);
}
