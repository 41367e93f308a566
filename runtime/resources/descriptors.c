/* descriptors.c - the program's table of descriptors: every number with its
 * open file, those that share one sharing it again. What an open file is, its
 * kind knows (resource.h). */
#include "descriptors.h"

#include "../arch/sys.h"
#include "../support/record_types.h"
#include "descriptor_facts.h"
#include "flight.h"
#include "info.h"
#include "locks.h"
#include "owners.h"
#include "posix_notice.h"
#include "registry.h"
#include "socket_filter.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- saving ---- */

static int save_descriptor(struct resource_sink *sink, size_t index,
                           size_t *files, struct hwckpt_error *error) {
  Descriptor message;
  const struct descriptor_fact *fact = &sink->facts[index];
  long failure = facts_describe(sink, fact, &message);
  if (failure < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-failure, "/proc/self/fd",
                       "descriptor %d", (int)fact->number);
  const struct descriptor_kind *kind = facts_recognise(sink, &message);
  message.kind = kind->kind;
  message.same_as = facts_same_as(sink, index, files);
  /* Who restores may give three different ones; a path has no state. */
  if (kind->kind == DescriptorKind_DESCRIPTOR_INHERITED ||
      kind->kind == DescriptorKind_DESCRIPTOR_PATH)
    message.same_as = -1;
  if (kind->kind == DescriptorKind_DESCRIPTOR_INHERITED || message.same_as >= 0)
    message.locked = false;
  else if (kind->kind != DescriptorKind_DESCRIPTOR_TERMINAL &&
           kind->kind != DescriptorKind_DESCRIPTOR_PATH)
    tree_share(sink, &message);
  if (fact->carrier && !message.shared && !flight_matters(sink, fact))
    return 0;
  int result = message.locked ? locks_save(sink, &message, error) : 0;
  if (!result && message.same_as < 0 && !tree_takes(&message))
    result = owners_save(sink, &message, error);
  if (!result && message.same_as < 0)
    result = posix_notice_save(sink, &message, error);
  if (!result && kind->save && !tree_takes(&message))
    result = kind->save(sink, &message, error);
  if (result)
    return result;
  return resource_put(sink, RECORD_DESCRIPTOR, Descriptor_fields, &message,
                      error);
}

/* Whether something may have changed meanwhile. */
static bool come_to_rest(const struct resource_sink *sink) {
  bool changed = false;
  for (size_t i = 0; i < sink->fact_count; i++) {
    Descriptor message;
    if (sink->facts[i].mode & S_IFMT ||
        facts_describe(sink, &sink->facts[i], &message) < 0)
      continue;
    const struct descriptor_kind *kind = facts_recognise(sink, &message);
    changed |= kind->rest && kind->rest(sink, &message);
  }
  return changed;
}

int descriptors_save(struct resource_sink *sink, struct hwckpt_error *error) {
  size_t files = 0;
  int result = facts_gather(sink, error);
  if (!result && come_to_rest(sink)) {
    sink->written(sink);
    facts_let_go(sink);
    result = facts_gather(sink, error);
  }
  if (!result)
    result = facts_gather_flights(sink, error);
  for (size_t i = 0; !result && i < sink->fact_count; i++)
    result = save_descriptor(sink, i, &files, error);
  info_let_go();
  facts_let_go(sink);
  return result;
}

/* ---- restoring ---- */

const struct descriptor_kind *descriptors_kind(const Descriptor *message) {
  for (size_t i = 0; hwckpt_descriptor_kinds[i]; i++)
    if (hwckpt_descriptor_kinds[i]->kind == message->kind)
      return hwckpt_descriptor_kinds[i];
  return 0;
}

int descriptors_each(struct resource_source *source, void *context,
                     int (*visit)(struct resource_source *source,
                                  const Descriptor *message, void *context,
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
        !descriptors_kind(&message))
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

int descriptors_note_highest(struct resource_source *source,
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
             : descriptors_kind(message)->open(source, message, error);
}

int descriptors_place(struct resource_source *source, const Descriptor *message,
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
  const struct descriptor_kind *kind = descriptors_kind(message);
  return tree_takes(message) || (kind->takes && kind->takes(source, message));
}

/* Places it, unless it waits. The numbers were free before. */
static int place_unless_it_waits(struct resource_source *source,
                                 const Descriptor *message, void *context,
                                 struct hwckpt_error *error) {
  const struct descriptor_kind *kind = descriptors_kind(message);
  if (message->same_as >= 0 ? !is_open(message->same_as)
                            : kind->waits && kind->waits(message)) {
    source->waits = true;
    return 0;
  }
  return descriptors_place(source, message, context, error);
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
  return is_open(message->number)
             ? 0
             : descriptors_place(source, message, context, error);
}

int descriptors_link(struct resource_source *source, const Descriptor *message,
                     void *context, struct hwckpt_error *error) {
  const struct descriptor_kind *kind = descriptors_kind(message);
  (void)context;
  if (!kind->link || message->same_as >= 0 || tree_takes(message))
    return 0;
  return kind->link(source, message, message->number, error);
}

int descriptors_lock(struct resource_source *source, const Descriptor *message,
                     void *context, struct hwckpt_error *error) {
  (void)context;
  return message->locked ? locks_restore(source, message, error) : 0;
}

static int lock_if_open(struct resource_source *source,
                        const Descriptor *message, void *context,
                        struct hwckpt_error *error) {
  return is_open(message->number)
             ? descriptors_lock(source, message, context, error)
             : 0;
}

static int settle(struct resource_source *source, const Descriptor *message,
                  void *context, struct hwckpt_error *error) {
  const struct descriptor_kind *kind = descriptors_kind(message);
  (void)context;
  if (message->same_as >= 0 || tree_takes(message))
    return 0;
  int result =
      kind->settle ? kind->settle(source, message, message->number, error) : 0;
  return result
             ? result
             : socket_filter_restore(source, message, message->number, error);
}

static int meet(struct resource_source *source, const Descriptor *message,
                void *context, struct hwckpt_error *error) {
  const struct descriptor_kind *kind = descriptors_kind(message);
  (void)context;
  if (!kind->meet || message->same_as >= 0 || tree_takes(message))
    return 0;
  return kind->meet(source, message, message->number, error);
}

int descriptors_settle_all(struct resource_source *source,
                           struct hwckpt_error *error) {
  int result = descriptors_each(source, 0, settle, error);
  if (!result)
    result = descriptors_each(source, 0, meet, error);
  for (size_t i = 0; hwckpt_descriptor_kinds[i]; i++)
    if (hwckpt_descriptor_kinds[i]->met)
      hwckpt_descriptor_kinds[i]->met();
  return result;
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
  int result =
      descriptors_each(source, &highest, descriptors_note_highest, error);
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
    result = descriptors_each(source, 0, place_own, error);
  if (!result)
    result = descriptors_each(source, 0, place_rest, error);
  if (!result && !source->waits)
    result = descriptors_each(source, 0, descriptors_link, error);
  /* Before locks are taken: a close gives up those of the process. */
  close_borrowed(source);
  return result ? result : descriptors_each(source, 0, lock_if_open, error);
}

/* Numbers of inodes are used again: what was opened may have been another file,
 * and the right one is there since files were rolled back. */
static int close_strayed(struct resource_source *source,
                         const Descriptor *message, void *context,
                         struct hwckpt_error *error) {
  struct stat open, there;
  (void)context;
  (void)error;
  if (!descriptors_kind(message)->waits || message->path[0] != '/' ||
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
  int result = descriptors_each(source, 0, close_strayed, error);
  if (result)
    return result;
  if (source->waits) {
    /* Closing what was opened on the way may have given locks up. */
    result = descriptors_each(source, 0, place_later, error);
    if (!result)
      result = descriptors_each(source, 0, descriptors_link, error);
    if (!result)
      result = descriptors_each(source, 0, descriptors_lock, error);
  }
  return result ? result : descriptors_settle_all(source, error);
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
  int result = descriptors_each(source, &any, close_flight, error);
  /* Closing gives up those of the process. */
  return result || !any ? result
                        : descriptors_each(source, 0, lock_if_open, error);
}
