/* posix_queue.c - POSIX message queues (mq_open(3)) that the program has open,
 * with what is queued. `hwckpt restore` makes those that are gone, and fills
 * them (tools/hwckpt/posix_queues.c); here they are opened by name.
 *
 * The kernel has no way to look at messages: they are taken out and put back,
 * while the program stands still, by the first process that has the queue. That
 * is done elsewhere: a descriptor that is closed in the program's process would
 * end a notification (posix_notice.c). */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "elsewhere.h"
#include "info.h"
#include "same_object.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define QUEUE_FILE_SYSTEM 0x19800202 /* MQUEUE_MAGIC */
#define PRIORITY sizeof(uint32_t)    /* before a message's text */
#define ROOM (RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA)

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  struct statfs facts;
  char path[64];
  (void)sink;
  if (!S_ISREG(message->mode) || message->path[0] != '/' ||
      major(message->device))
    return false;
  info_descriptor(path, "fd", message->number);
  return SYS(statfs, path, &facts) == 0 && facts.f_type == QUEUE_FILE_SYSTEM;
}

/* ---- saving ---- */

/* Whether this descriptor is the one that its content is saved with. */
static bool is_first(const struct resource_sink *sink,
                     const Descriptor *message) {
  int32_t maker = tree_maker(sink, message->device, message->inode);
  if (maker >= 0 && maker != sink->member)
    return false;
  return !same_object_is_lower(sink, message);
}

static bool is_named(const Descriptor *message) {
  static const char gone[] = " (deleted)";
  size_t length = strlen(message->path), tail = sizeof gone - 1;
  return length < tail ||
         memcmp(message->path + length - tail, gone, tail) != 0;
}

/* A queue of its own open file: blocking or not is the open file's. O_CLOEXEC
 * here would stay with that: every descriptor of it would seem to have it. */
static long open_queue(const PosixQueue *queue, int flags) {
  long file = SYS(mq_open, queue->name, flags & ~O_CLOEXEC, 0, 0);
  if (file >= 0)
    SYS(fcntl, file, F_SETFD, FD_CLOEXEC);
  return file;
}

/* What was taken out goes back in the order of priorities, and of one priority
 * in that in which it came. */
static int put_back(int file, const char *taken, size_t bytes) {
  long result = 0;
  for (size_t at = 0; at < bytes;) {
    uint32_t length, priority;
    memcpy(&length, taken + at, sizeof length);
    memcpy(&priority, taken + at + sizeof length, sizeof priority);
    at += sizeof length + PRIORITY;
    long sent = SYS(mq_timedsend, file, taken + at, length, priority, 0);
    result = sent < 0 ? sent : result;
    at += length;
  }
  return (int)result;
}

/* In the scratch memory: each message's length, priority and text. */
static long take_out(int file, char *taken, size_t *bytes) {
  const size_t head = sizeof(uint32_t) + PRIORITY;
  for (*bytes = 0;;) {
    uint32_t priority = 0;
    if (*bytes + head >= ROOM)
      return -E2BIG;
    long length = SYS(mq_timedreceive, file, taken + *bytes + head,
                      ROOM - *bytes - head, &priority, 0);
    if (length < 0)
      return length == -EAGAIN ? 0 : length;
    uint32_t size = (uint32_t)length;
    memcpy(taken + *bytes, &size, sizeof size);
    memcpy(taken + *bytes + sizeof size, &priority, sizeof priority);
    *bytes += head + size;
  }
}

static int put_messages(struct resource_sink *sink, const char *taken,
                        size_t bytes, struct hwckpt_error *error) {
  int result = 0;
  for (size_t at = 0; !result && at < bytes;) {
    uint32_t length;
    memcpy(&length, taken + at, sizeof length);
    result = sink->put(sink, RECORD_POSIX_MESSAGE, taken + at + sizeof length,
                       PRIORITY + length, error);
    at += sizeof length + PRIORITY + length;
  }
  return result;
}

/* ---- who waits to send ----
 *
 * Room that is made in a full queue goes to who waits for it, and then there is
 * none for what is put back. Threads of the checkpoint stand, and wait for
 * nothing. */

struct sender {
  struct stat queue;
  int process, found; /* 0: none */
  bool waits;         /* process does, at some queue */
};

static void look_at_thread(int thread, void *context) {
  struct sender *sender = context;
  char text[16] = "", path[64];
  hwckpt_format(path, sizeof path, "/proc/%d/task/%d/wchan", sender->process,
                thread);
  long file = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0)
    return;
  SYS(read, file, text, sizeof text - 1);
  SYS(close, file);
  sender->waits |= info_begins(text, "wq_sleep");
}

static void look_at_process(int process, void *context) {
  struct sender *sender = context;
  char path[64];
  if (sender->found)
    return;
  sender->process = process;
  sender->waits = false;
  hwckpt_format(path, sizeof path, "/proc/%d/task", process);
  info_each_number(path, look_at_thread, sender);
  if (sender->waits && info_process_has(process, &sender->queue))
    sender->found = process;
}

/* What is done elsewhere. */
struct look {
  PosixQueue *queue;
  bool holds; /* this descriptor is the one that content is saved with */
  struct sender sender;
  char *taken;
  size_t bytes;
  long result;
  const char *what; /* that failed, null: it was not looked at */
};

static void describe(struct look *look, int file, long *messages) {
  struct mq_attr facts = {0};
  struct stat *status = &look->sender.queue;
  look->what = "mq_getattr";
  look->result = SYS(mq_getsetattr, file, 0, &facts);
  if (look->result >= 0)
    look->result = SYS(fstat, file, status);
  look->queue->messages = (uint64_t)facts.mq_maxmsg;
  look->queue->size = (uint64_t)facts.mq_msgsize;
  look->queue->mode = status->st_mode & 0777;
  look->queue->user = status->st_uid;
  look->queue->group = status->st_gid;
  *messages = facts.mq_curmsgs;
}

static void read_messages(struct look *look) {
  look->what = "reading what is queued";
  long file = open_queue(look->queue, O_RDWR | O_NONBLOCK);
  look->result = file;
  if (file < 0)
    return;
  look->what = "what is queued";
  long result = take_out((int)file, look->taken, &look->bytes);
  long back = put_back((int)file, look->taken, look->bytes);
  SYS(close, file);
  look->result = result < 0 ? result : back;
}

static void look_through(struct look *look, int file) {
  long messages;
  describe(look, file, &messages);
  if (look->result < 0 || !look->holds || !messages)
    return;
  if (messages >= (long)look->queue->messages)
    info_each_number("/proc", look_at_process, &look->sender);
  if (!look->sender.found)
    read_messages(look);
}

static void look_by_name(void *context) {
  struct look *look = context;
  long file = open_queue(look->queue, O_RDONLY | O_NONBLOCK);
  if (file < 0)
    return;
  look_through(look, (int)file);
  SYS(close, file);
}

/* Who may not read it has no other way than by its own descriptor. */
static int look_by_descriptor(const struct resource_sink *sink,
                              const Descriptor *message, struct look *look,
                              struct hwckpt_error *error) {
  int file = borrow(sink, message, error);
  if (file < 0)
    return file;
  look_through(look, file);
  SYS(close, file);
  return 0;
}

static int put_queue(struct resource_sink *sink, const Descriptor *message,
                     struct hwckpt_error *error) {
  static PosixQueue queue;
  queue = (PosixQueue)PosixQueue_init_zero;
  hwckpt_format(queue.name, sizeof queue.name, "%s", message->path + 1);
  struct look look = {.queue = &queue,
                      .holds = is_first(sink, message),
                      .taken = (char *)sink->scratch + RESOURCE_SCRATCH_DATA};
  queue.holds = look.holds;
  int failed = 0;
  if (elsewhere((char *)sink->scratch + RESOURCE_SCRATCH_DATA, false,
                look_by_name, &look) < 0 ||
      !look.what)
    failed = look_by_descriptor(sink, message, &look, error);
  if (failed)
    return failed;
  if (look.result < 0)
    return refuse_to_save(error, message, look.result, look.what);
  if (look.sender.found)
    return resource_unsupported(
        sink, error, message->path,
        "descriptor %d: full, and process %d waits to send, which is not part "
        "of the checkpoint",
        (int)message->number, look.sender.found);
  failed =
      resource_put(sink, RECORD_POSIX_QUEUE, PosixQueue_fields, &queue, error);
  return failed ? failed : put_messages(sink, look.taken, look.bytes, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  if (!is_named(message))
    return resource_unsupported(sink, error, message->path,
                                "descriptor %d: a queue that was unlinked",
                                (int)message->number);
  return message->same_as >= 0 ? 0 : put_queue(sink, message, error);
}

/* ---- restoring ---- */

static int get(struct resource_source *source, PosixQueue *queue,
               struct hwckpt_error *error) {
  size_t at = source->at;
  /* Its messages are between. */
  while (at && source->records[at - 1].type == RECORD_POSIX_MESSAGE)
    at--;
  if (!at || source->records[at - 1].type != RECORD_POSIX_QUEUE)
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "POSIX message queue",
                       "no record of it");
  return resource_get(&source->records[at - 1], PosixQueue_fields, queue,
                      error);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  PosixQueue queue;
  int failed = get(source, &queue, error);
  if (failed)
    return failed;
  long file =
      open_queue(&queue, (int)message->flags & (O_ACCMODE | O_NONBLOCK));
  return file < 0 ? refuse_to_restore(error, message, file, "mq_open")
                  : (int)file;
}

const struct descriptor_kind hwckpt_descriptor_posix_queue = {
    .name = "POSIX message queue",
    .kind = DescriptorKind_DESCRIPTOR_POSIX_QUEUE,
    .recognise = recognise,
    .save = save,
    .open = make,
};
