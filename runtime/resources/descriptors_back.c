/* descriptors_back.c - a rollback of the table of descriptors: what still is
 * the open file that it was stays and is taken back, all else is closed and
 * opened again.
 *
 * Invariant: descriptors_check() changes nothing of the program. */
#include "../arch/sys.h"
#include "descriptor_facts.h"
#include "descriptors.h"
#include "registry.h"
#include "saved_object.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
  if (facts_describe(sink, &sink->facts[now - source->now], &message) < 0)
    return false;
  /* Another one since the program was restored; sharing is not recorded. */
  if (then->kind == DescriptorKind_DESCRIPTOR_INHERITED)
    return facts_recognise(sink, &message)->kind == then->kind;
  if (now->same_as != then->same_as)
    return false;
  if (then->same_as >= 0)
    return now_of(source, then->same_as)->stays;
  return message.device == then->device && message.inode == then->inode &&
         (message.flags & FIXED_FLAGS) == (then->flags & FIXED_FLAGS);
}

#define SPARE 64 /* descriptors that opening one may take for a moment */

static struct rlimit limit_now(void) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  SYS(prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
  return limit;
}

/* The limit that the number takes, as far as it can be had. */
static rlim_t limit_for(const struct rlimit *limit, int number) {
  rlim_t wanted = (rlim_t)number + SPARE;
  if (wanted < limit->rlim_cur)
    wanted = limit->rlim_cur;
  return wanted < limit->rlim_max ? wanted : limit->rlim_max;
}

static int check_number(const Descriptor *message, struct hwckpt_error *error) {
  struct rlimit now = limit_now();
  rlim_t limit = limit_for(&now, message->number);
  if ((rlim_t)message->number < limit)
    return 0;
  return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, message->path,
                     "descriptor %d: the limit is %llu now",
                     (int)message->number, (unsigned long long)limit);
}

static int check_one(struct resource_source *source, const Descriptor *message,
                     void *context, struct hwckpt_error *error) {
  const struct descriptor_kind *kind = descriptors_kind(message);
  struct descriptor_now *now = now_of(source, message->number);
  if (now)
    now->stays = kind->rewind && is_the_same(source, context, now, message);
  int result = now && now->stays ? 0 : check_number(message, error);
  if (result)
    return result;
  if (message->same_as >= 0 || !kind->check)
    return 0;
  return kind->check(source, message, now && now->stays ? now->number : -1,
                     error);
}

int descriptors_check(struct resource_source *source,
                      struct hwckpt_error *error) {
  struct resource_sink sink = {.scratch = source->scratch};
  size_t files = 0;
  saved_object_forget(source);
  int result = facts_gather(&sink, error);
  if (result) {
    facts_let_go(&sink);
    return result;
  }
  source->now_count = sink.fact_count;
  for (size_t i = 0; i < sink.fact_count; i++)
    source->now[i] = (struct descriptor_now){
        sink.facts[i].number, facts_same_as(&sink, i, &files), false};
  result = descriptors_each(source, &sink, check_one, error);
  facts_let_go(&sink);
  saved_object_forget(source);
  return result;
}

static bool is_as_then(const Descriptor *message, const struct stat *now) {
  return (uint64_t)now->st_size == message->size &&
         (uint64_t)now->st_mtim.tv_sec * 1000000000 +
                 (uint64_t)now->st_mtim.tv_nsec ==
             message->mtime_ns;
}

/* What it has open went, or was changed and lost this one of its names; and was
 * made again where it stood. */
static bool went(const Descriptor *message) {
  struct stat open, there;
  if (!descriptors_kind(message)->waits || message->path[0] != '/' ||
      SYS(fstat, message->number, &open) < 0 ||
      SYS(newfstatat, AT_FDCWD, message->path, &there,
          S_ISLNK(message->mode) ? AT_SYMLINK_NOFOLLOW : 0) < 0 ||
      (open.st_mode & S_IFMT) != (there.st_mode & S_IFMT))
    return false;
  if (S_ISREG(open.st_mode))
    return open.st_nlink == 0 ||
           (is_as_then(message, &there) && !is_as_then(message, &open));
  return open.st_nlink == 0;
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
    return descriptors_place(source, message, context, error);
  SYS(fcntl, message->number, F_SETFD, message->close_on_exec ? FD_CLOEXEC : 0);
  return message->same_as >= 0 ? 0
                               : descriptors_kind(message)->rewind(
                                     source, message, message->number, error);
}

/* It is as it was again when all is there (limits.c). */
static void raise_limit(int highest) {
  struct rlimit now = limit_now(), then = now;
  then.rlim_cur = limit_for(&now, highest);
  if (then.rlim_cur != now.rlim_cur)
    SYS(prlimit64, 0, RLIMIT_NOFILE, &then, 0);
}

int descriptors_roll_back(struct resource_source *source,
                          struct hwckpt_error *error) {
  int highest = -1;
  int result =
      descriptors_each(source, &highest, descriptors_note_highest, error);
  if (!result)
    result = descriptors_each(source, 0, leave_what_went, error);
  if (result)
    return result;
  raise_limit(highest);
  close_what_does_not_stay(source);
  result = descriptors_each(source, 0, rewind_or_place, error);
  if (!result)
    result = descriptors_each(source, 0, descriptors_link, error);
  if (!result)
    result = descriptors_each(source, 0, descriptors_lock, error);
  return result ? result : descriptors_settle_all(source, error);
}
