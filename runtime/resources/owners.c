/* owners.c - see owners.h: the owner of an open file (F_SETOWN, F_SETOWN_EX),
 * the signal it gets (F_SETSIG), also for a lease, and O_ASYNC; and what a
 * file's data is like (F_SET_RW_HINT).
 *
 * A directory has an owner when somebody wants to be told of changes in it
 * (F_NOTIFY): of which, the kernel does not tell. */
#include "owners.h"

#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- saving ---- */

static void look(const struct resource_sink *sink, const Descriptor *message,
                 FileOwner *to) {
  struct f_owner_ex owner = {0};
  uint64_t hint = 0;
  to->number = message->number;
  to->asynchronous = (message->flags & O_ASYNC) != 0;
  long fd = borrow_number(sink, message->number);
  if (fd < 0)
    return;
  if (SYS(fcntl, fd, F_GETOWN_EX, &owner) == 0 && owner.pid) {
    to->type = (uint32_t)owner.type;
    to->owner = owner.pid;
  }
  long signal = SYS(fcntl, fd, F_GETSIG);
  to->signal = signal > 0 ? (int32_t)signal : 0;
  if (S_ISREG(message->mode) && SYS(fcntl, fd, F_GET_RW_HINT, &hint) == 0)
    to->life_time = hint;
  SYS(close, fd);
}

static bool is_thread(const struct resource_sink *sink, int tid) {
  for (size_t i = 0; i < sink->thread_count; i++)
    if (sink->threads[i].tid == tid)
      return true;
  return false;
}

/* Processes of a tree keep their ids. */
static bool is_of_program(const struct resource_sink *sink, FileOwner *owner) {
  if (owner->type == F_OWNER_PGRP)
    owner->own_group = SYS(getpgid, 0) == owner->owner;
  return !owner->owner || owner->own_group || sink->tree ||
         (owner->type == F_OWNER_PID && owner->owner == SYS(getpid)) ||
         (owner->type == F_OWNER_TID && is_thread(sink, owner->owner));
}

int owners_save(struct resource_sink *sink, const Descriptor *message,
                struct hwckpt_error *error) {
  FileOwner owner = FileOwner_init_zero;
  /* Of a queue nobody gets signals this way, and to look ends a notification.
   */
  if (message->flags & O_PATH ||
      message->kind == DescriptorKind_DESCRIPTOR_POSIX_QUEUE)
    return 0;
  look(sink, message, &owner);
  if (!owner.owner && !owner.signal && !owner.asynchronous && !owner.life_time)
    return 0;
  if (S_ISDIR(message->mode) && owner.owner)
    return resource_unsupported(
        sink, error, message->path,
        "descriptor %d: the program is told of changes in it (F_NOTIFY)",
        (int)message->number);
  if (!is_of_program(sink, &owner)) {
    if (message->kind == DescriptorKind_DESCRIPTOR_INHERITED)
      return 0; /* others have it too, and set that */
    return resource_unsupported(
        sink, error, message->path,
        "descriptor %d: its signals go to %d, which is not of the program",
        (int)message->number, (int)owner.owner);
  }
  return resource_put(sink, RECORD_FILE_OWNER, FileOwner_fields, &owner, error);
}

static int nothing_more(struct resource_sink *sink,
                        struct hwckpt_error *error) {
  (void)sink;
  (void)error;
  return 0;
}

/* ---- restoring ---- */

/* Who it is now. */
static int now_of(const struct resource_source *source, const FileOwner *owner,
                  struct hwckpt_error *error) {
  if (!owner->owner)
    return 0;
  if (owner->own_group)
    return (int)SYS(getpgid, 0);
  if (owner->type == F_OWNER_PGRP || source->take)
    return owner->owner;
  if (owner->type == F_OWNER_PID)
    return (int)SYS(getpid);
  return resource_tid(source, owner->owner, error);
}

static int set(struct resource_source *source, const FileOwner *owner,
               struct hwckpt_error *error) {
  struct f_owner_ex to = {.type = (int)owner->type};
  to.pid = now_of(source, owner, error);
  if (to.pid < 0)
    return to.pid;
  long result = owner->owner ? SYS(fcntl, owner->number, F_SETOWN_EX, &to) : 0;
  if (result >= 0 && owner->signal)
    result = SYS(fcntl, owner->number, F_SETSIG, owner->signal);
  if (result >= 0 && owner->asynchronous) {
    long flags = SYS(fcntl, owner->number, F_GETFL);
    result =
        flags < 0 ? flags : SYS(fcntl, owner->number, F_SETFL, flags | O_ASYNC);
  }
  if (result >= 0 && owner->life_time)
    result = SYS(fcntl, owner->number, F_SET_RW_HINT, &owner->life_time);
  if (result < 0)
    resource_not_set(source, result, "descriptor",
                     "%d: its signals or what is known of its data",
                     (int)owner->number);
  return 0;
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  int result = 0;
  for (size_t at = (size_t)-1;
       !result && resource_next(source, RECORD_FILE_OWNER, &at);) {
    FileOwner owner;
    result =
        resource_get(&source->records[at], FileOwner_fields, &owner, error);
    if (!result)
      result = set(source, &owner, error);
  }
  return result;
}

/* What there is to save comes with the descriptors. */
const struct resource_kind hwckpt_resource_owners = {
    .name = "owners",
    .save = nothing_more,
    .finish = finish,
};
