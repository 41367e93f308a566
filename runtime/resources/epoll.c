/* epoll.c - epoll(7): which descriptors are watched for what. They are watched
 * again once all of them are there, so that one may watch another.
 *
 * An entry belongs to a number and an open file. When the number has been
 * closed or given to another file since, the open file is looked for among the
 * descriptors, and given its old number for as long as it takes. What was
 * reported on an edge before the checkpoint is reported once more. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "descriptor_facts.h"
#include "info.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  (void)sink;
  return info_begins(message->path, "anon_inode:[eventpoll]");
}

/* ---- saving ---- */

static const char key[] = "tfd:";

/* 0: the descriptor has the file of the nth entry of that number. */
static long compare(const Descriptor *message, int32_t watched_number,
                    int32_t number, unsigned nth) {
  int watcher, watched;
  int holder = info_table(number, &watched);
  int table = info_table(message->number, &watcher);
  struct kcmp_epoll_slot slot = {(uint32_t)watcher, (uint32_t)watched_number,
                                 nth};
  return SYS(kcmp, holder, table, KCMP_EPOLL_TFD, watched, &slot);
}

static bool is_watched(const Descriptor *message, const EpollWatch *watch,
                       int32_t number, unsigned nth) {
  long result = compare(message, watch->number, number, nth);
  /* Without kcmp() the number alone has to do. */
  return result == 0 || (result == -ENOSYS && number == watch->number) ||
         (result == -EPERM && number == watch->number);
}

/* Numbers that had an entry already, of the epoll that is looked at: to ask the
 * kernel for one more costs it a look at all entries. */
#define NUMBERS 65536
static LIVE uint64_t had[NUMBERS / 64];

static bool had_one(const Descriptor *message, int32_t number) {
  if (number < 0 || number >= NUMBERS)
    return compare(message, number, message->number, 1) >= 0;
  uint64_t bit = 1ull << (number % 64), *word = &had[number / 64];
  bool had_it = (*word & bit) != 0;
  *word |= bit;
  return had_it;
}

/* How many entries of its number come before the entry `at`. Where there are
 * several, they lie anywhere: the kernel has them in the order of its files. */
static unsigned count_before(const Descriptor *message, int32_t number,
                             unsigned at) {
  struct info info;
  uint64_t other;
  unsigned count = 0;
  if (!had_one(message, number) || info_open(&info, message->number) < 0)
    return 0;
  for (const char *line; at && (line = info_line(&info));)
    if (info_begins(line, key)) {
      at--;
      count += info_number(line, key, 10, &other) && (int32_t)other == number;
    }
  info_close(&info);
  return count;
}

/* Whether the descriptor of the entry's number is the socket that it is for. A
 * socket has but one open file, so its inode tells; the kernel, asked for the
 * nth entry, goes through all that are before it. */
static bool is_the_socket(const struct resource_sink *sink, const char *line,
                          int32_t number) {
  const struct descriptor_fact *fact = facts_find(sink, number);
  uint64_t inode, device;
  return fact && S_ISSOCK(fact->mode) && !(fact->flags & O_PATH) &&
         info_number(line, " ino:", 16, &inode) && inode == fact->inode &&
         info_number(line, "sdev:", 16, &device) && device == fact->device;
}

/* The descriptor that has the watched file, -1: none has it any more. */
static int32_t holder_of(const struct resource_sink *sink,
                         const Descriptor *message, const EpollWatch *watch,
                         const char *line, unsigned nth) {
  if (is_the_socket(sink, line, watch->number))
    return watch->number;
  if (is_watched(message, watch, watch->number, nth))
    return watch->number;
  for (size_t i = 0; i < sink->fact_count; i++)
    if (is_watched(message, watch, sink->facts[i].number, nth))
      return sink->facts[i].number;
  return -1;
}

static int put_watch(struct resource_sink *sink, const Descriptor *message,
                     const char *line, unsigned at, EpollWatch *watch,
                     struct hwckpt_error *error) {
  uint64_t number, events;
  if (!info_number(line, key, 10, &number) ||
      !info_number(line, "events:", 16, &events) ||
      !info_number(line, "data:", 16, &watch->data))
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, message->path,
                       "descriptor %d: '%s'", (int)message->number, line);
  watch->number = (int32_t)number;
  watch->events = (uint32_t)events;
  watch->holder = holder_of(sink, message, watch, line,
                            count_before(message, watch->number, at));
  if (watch->holder < 0)
    return resource_unsupported(
        sink, error, message->path,
        "descriptor %d watches the file that was descriptor %d and is closed",
        (int)message->number, (int)watch->number);
  return resource_put(sink, RECORD_EPOLL_WATCH, EpollWatch_fields, watch,
                      error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  EpollWatch watch = EpollWatch_init_zero;
  struct info info;
  unsigned count = 0;
  int result = 0;
  if (message->same_as >= 0)
    return 0;
  long opened = info_open(&info, message->number);
  if (opened < 0)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-opened, message->path,
                       "descriptor %d", (int)message->number);
  memset(had, 0, sizeof(had));
  for (const char *line; !result && (line = info_line(&info));)
    if (info_begins(line, key))
      result = put_watch(sink, message, line, count++, &watch, error);
  info_close(&info);
  return result;
}

/* ---- restoring ---- */

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  (void)source;
  long fd = SYS(epoll_create1, 0);
  return fd < 0 ? refuse_to_restore(error, message, fd, "epoll_create1")
                : (int)fd;
}

/* Reported once (EPOLLONESHOT), and not armed again since: the kernel takes the
 * events away, those too that it adds itself. */
static bool is_spent(const EpollWatch *watch) {
  return watch->events & EPOLLONESHOT &&
         !(watch->events & (EPOLLERR | EPOLLHUP));
}

/* It is spent again once it is reported. What has nothing to report now is left
 * with what the kernel adds. Only such ones are watched so far: nothing else is
 * taken out. */
static long spend(int descriptor, const EpollWatch *watch) {
  const uint32_t most = EPOLLIN | EPOLLOUT;
  struct epoll_event event = {.events = watch->events | most}, reported;
  event.data.u64 = watch->data;
  long result =
      SYS(epoll_ctl, descriptor, EPOLL_CTL_ADD, watch->number, &event);
  if (result < 0 || (SYS(epoll_pwait, descriptor, &reported, 1, 0, 0, 0) == 1 &&
                     reported.events & most))
    return result;
  event.events = watch->events;
  result = SYS(epoll_ctl, descriptor, EPOLL_CTL_MOD, watch->number, &event);
  SYS(epoll_pwait, descriptor, &reported, 1, 0, 0, 0);
  return result;
}

static long add(int descriptor, const EpollWatch *watch) {
  struct epoll_event event = {.events = watch->events};
  event.data.u64 = watch->data;
  return is_spent(watch)
             ? spend(descriptor, watch)
             : SYS(epoll_ctl, descriptor, EPOLL_CTL_ADD, watch->number, &event);
}

/* With the number lent to the holder's file. */
static long add_lent(int descriptor, const EpollWatch *watch) {
  long flags = SYS(fcntl, watch->number, F_GETFD);
  long kept = flags < 0 ? -1 : SYS(dup, watch->number);
  long result = SYS(dup3, watch->holder, watch->number, O_CLOEXEC);
  if (result >= 0)
    result = add(descriptor, watch);
  if (kept < 0) {
    SYS(close, watch->number);
  } else {
    SYS(dup3, kept, watch->number, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
    SYS(close, kept);
  }
  return result;
}

static int watch_again(const struct resource_record *record, bool spent,
                       const Descriptor *message, int descriptor,
                       struct hwckpt_error *error) {
  EpollWatch watch;
  int failed = resource_get(record, EpollWatch_fields, &watch, error);
  if (failed || is_spent(&watch) != spent)
    return failed;
  long result = watch.holder == watch.number ? add(descriptor, &watch)
                                             : add_lent(descriptor, &watch);
  return result < 0 ? refuse_to_restore(error, message, result, "epoll_ctl")
                    : 0;
}

static int link_up(struct resource_source *source, const Descriptor *message,
                   int descriptor, struct hwckpt_error *error) {
  size_t first = source->at;
  while (first > 0 && source->records[first - 1].type == RECORD_EPOLL_WATCH)
    first--;
  int result = 0;
  for (int spent = 1; spent >= 0; spent--)
    for (size_t i = first; !result && i < source->at; i++)
      result =
          watch_again(&source->records[i], spent, message, descriptor, error);
  return result;
}

const struct descriptor_kind hwckpt_descriptor_epoll = {
    .name = "epoll",
    .kind = DescriptorKind_DESCRIPTOR_EPOLL,
    .recognise = recognise,
    .save = save,
    .open = make,
    .link = link_up,
};
