/* pipe.c - pipes and FIFOs with both ends inside the program, or with one end
 * that is closed everywhere, and what is in them; and FIFOs that nobody has
 * opened to write yet, of which poll() does not say so.
 *
 * Of a tree of processes, the first that has an end saves and makes the pipe,
 * and gives it to the others, which open their own ends of it.
 *
 * The contents are copied with tee(), which leaves them where they are. A
 * restored pipe is made with its first descriptor; its further ends are opened
 * through /proc/self/fd of that one. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "resource.h"
#include "same_object.h"
#include "saved_object.h"
#include "standard.h"
#include "tree.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

static bool reads(uint32_t flags) { return (flags & O_ACCMODE) != O_WRONLY; }
static bool does_write(uint32_t flags) {
  return (flags & O_ACCMODE) != O_RDONLY;
}

static bool is_named(const Descriptor *message) {
  return message->path[0] == '/';
}

/* Whether nobody has the other end of the pipe any more. */
static bool other_end_closed(const struct resource_sink *sink,
                             const Descriptor *message) {
  long fd = borrow_number(sink, message->number);
  if (fd < 0)
    return false;
  struct pollfd look = {(int)fd, 0, 0};
  SYS(poll, &look, 1, 0);
  SYS(close, fd);
  return look.revents & (POLLHUP | POLLERR);
}

/* Whether a FIFO has had no writer since it was opened to read: tee() finds
 * nobody who could write, where it would say EAGAIN. */
static bool awaits_writer(const struct resource_sink *sink,
                          const Descriptor *message) {
  int copy[2];
  if (!is_named(message))
    return false;
  long fd = borrow_number(sink, message->number);
  if (fd < 0)
    return false;
  long result = SYS(pipe2, copy, O_CLOEXEC | O_NONBLOCK);
  if (result == 0) {
    result = SYS(tee, fd, copy[1], 1, SPLICE_F_NONBLOCK);
    SYS(close, copy[0]);
    SYS(close, copy[1]);
  } else {
    result = -EAGAIN;
  }
  SYS(close, fd);
  return result == 0;
}

struct ends {
  bool reader, writer;
};

/* Those that the processes of the program have. */
static struct ends ends_of(const struct resource_sink *sink,
                           const Descriptor *message) {
  struct ends ends = {false, false};
  size_t at = (size_t)-1;
  while (same_object_next(sink, message->device, message->inode, &at)) {
    ends.reader |= reads(sink->facts[at].flags);
    ends.writer |= does_write(sink->facts[at].flags);
  }
  size_t count;
  const struct tree_fact *rows =
      tree_rows(sink, message->device, message->inode, &count);
  for (size_t i = 0; i < count; i++) {
    ends.reader |= reads(rows[i].flags);
    ends.writer |= does_write(rows[i].flags);
  }
  return ends;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  if (!S_ISFIFO(message->mode) || message->flags & O_PATH)
    return false;
  struct ends ends = ends_of(sink, message);
  return (ends.reader && ends.writer) ||
         (!standard_is_given(sink, message) &&
          (other_end_closed(sink, message) ||
           (ends.reader && awaits_writer(sink, message))));
}

/* ---- saving ---- */

static int put_bytes(struct resource_sink *sink, const Descriptor *message,
                     int from, size_t left, struct hwckpt_error *error) {
  char *buffer = (char *)sink->scratch + RESOURCE_SCRATCH_DATA;
  size_t room = RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA;
  while (left) {
    long count = SYS(read, from, buffer, left < room ? left : room);
    if (count == -EINTR)
      continue;
    if (count <= 0)
      return refuse_to_save(error, message, count, "reading the copy");
    int result =
        sink->put(sink, RECORD_PIPE_DATA, buffer, (size_t)count, error);
    if (result)
      return result;
    left -= (size_t)count;
  }
  return 0;
}

static int put_contents(struct resource_sink *sink, const Descriptor *message,
                        int from, uint32_t capacity,
                        struct hwckpt_error *error) {
  int waiting = 0;
  int copy[2];
  long result = SYS(ioctl, from, FIONREAD, &waiting);
  if (result < 0 || waiting <= 0)
    return result < 0 ? refuse_to_save(error, message, result, "FIONREAD") : 0;
  result = SYS(pipe2, copy, O_CLOEXEC | O_NONBLOCK);
  if (result < 0)
    return refuse_to_save(error, message, result, "pipe2");
  SYS(fcntl, copy[1], F_SETPIPE_SZ, capacity);
  result = SYS(tee, from, copy[1], waiting, SPLICE_F_NONBLOCK);
  int code = result == waiting
                 ? put_bytes(sink, message, copy[0], (size_t)waiting, error)
                 : refuse_to_save(error, message, result, "tee");
  SYS(close, copy[0]);
  SYS(close, copy[1]);
  return code;
}

static bool holds_bytes(const struct resource_sink *sink,
                        const Descriptor *message) {
  int waiting = 0;
  long fd = borrow_number(sink, message->number);
  if (fd < 0)
    return false;
  SYS(ioctl, fd, FIONREAD, &waiting);
  SYS(close, fd);
  return waiting > 0;
}

/* An end to read from; where the process has none, one of our own for this
 * while. Who writes would find that there is a reader: it stands still. -EBADF:
 * nobody reads, and nothing is in it. */
static long open_reader(const struct resource_sink *sink,
                        const Descriptor *message, int reader) {
  char path[64];
  if (reader >= 0)
    return borrow_number(sink, reader);
  if (!ends_of(sink, message).reader && !holds_bytes(sink, message))
    return -EBADF;
  info_descriptor(path, "fd", message->number);
  return SYS(openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
}

/* A FIFO that who writes to it may not read. */
static int leave_contents(struct resource_sink *sink, const Descriptor *message,
                          struct hwckpt_error *error) {
  return resource_unsupported(sink, error, message->path,
                              "descriptor %d: what is in it may not be read",
                              (int)message->number);
}

static bool has_others(const struct resource_sink *sink,
                       const Descriptor *message) {
  size_t count;
  const struct tree_fact *rows =
      tree_rows(sink, message->device, message->inode, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].member != sink->member)
      return true;
  return false;
}

/* What is in one without a reader is for who opens it to read later. */
static int put_pipe(struct resource_sink *sink, const Descriptor *message,
                    int reader, struct hwckpt_error *error) {
  Pipe pipe = Pipe_init_zero;
  pipe.gives = has_others(sink, message);
  pipe.awaits_writer =
      !ends_of(sink, message).writer && !other_end_closed(sink, message);
  long from = open_reader(sink, message, reader);
  int left = from == -EACCES ? leave_contents(sink, message, error) : 0;
  if (left)
    return left;
  if (from == -EBADF || from == -EACCES) {
    pipe.pipe = message->inode;
    return resource_put(sink, RECORD_PIPE, Pipe_fields, &pipe, error);
  }
  if (from < 0)
    return refuse_to_save(error, message, from, "an end to read from");
  long capacity = SYS(fcntl, from, F_GETPIPE_SZ);
  pipe.pipe = message->inode;
  pipe.capacity = capacity < 0 ? 0 : (uint32_t)capacity;
  int result = resource_put(sink, RECORD_PIPE, Pipe_fields, &pipe, error);
  if (!result)
    result = put_contents(sink, message, (int)from, pipe.capacity, error);
  SYS(close, from);
  return result;
}

/* A FIFO that has no name any more is as good as a pipe, and comes back as one.
 */
static void forget_name(Descriptor *message) {
  static const char suffix[] = " (deleted)", pipe[] = "FIFO ";
  struct stat there;
  size_t length = strlen(message->path), end = sizeof(suffix) - 1;
  if (!is_named(message) || length < end ||
      memcmp(message->path + length - end, suffix, end) != 0 ||
      (SYS(newfstatat, AT_FDCWD, message->path, &there, 0) == 0 &&
       there.st_ino == message->inode))
    return;
  size_t room = sizeof(message->path) - sizeof(pipe);
  memmove(message->path + sizeof(pipe) - 1, message->path,
          length < room ? length + 1 : room);
  message->path[sizeof(message->path) - 1] = 0;
  memcpy(message->path, pipe, sizeof(pipe) - 1);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  int reader = -1;
  message->pipe = message->inode;
  forget_name(message);
  int32_t maker = tree_maker(sink, message->device, message->inode);
  if (maker >= 0 && maker != sink->member)
    return 0; /* saved there */
  if (same_object_is_lower(sink, message))
    return 0; /* saved with that one */
  size_t at = (size_t)-1;
  while (reader < 0 &&
         same_object_next(sink, message->device, message->inode, &at))
    if (reads(sink->facts[at].flags))
      reader = sink->facts[at].number;
  return put_pipe(sink, message, reader, error);
}

/* ---- restoring ---- */

/* A lower descriptor of the same pipe, already in place; -1: none. */
static int placed_end(struct resource_source *source,
                      const Descriptor *message) {
  Descriptor *other = source->scratch;
  for (size_t i = (size_t)-1;
       saved_object_next(source, message->inode, &i, other) &&
       other->number < message->number;)
    if (other->kind == DescriptorKind_DESCRIPTOR_PIPE &&
        other->pipe == message->pipe)
      return other->number;
  return -1;
}

/* Whether a writer of the pipe makes packets. Each is then a record of its own,
 * for a read gets no more than one. */
static bool makes_packets(struct resource_source *source,
                          const Descriptor *message) {
  Descriptor *other = source->scratch;
  for (size_t i = (size_t)-1;
       saved_object_next(source, message->inode, &i, other);)
    if (other->kind == DescriptorKind_DESCRIPTOR_PIPE &&
        other->pipe == message->pipe && other->flags & O_DIRECT)
      return true;
  return false;
}

/* Another end, of the same pipe as descriptor. */
static int open_end(const Descriptor *message, int descriptor,
                    struct hwckpt_error *error) {
  char path[64];
  hwckpt_format(path, sizeof(path), "/proc/self/fd/%d", descriptor);
  uint32_t flags = message->flags & (O_ACCMODE | O_NONBLOCK);
  uint32_t waits = (flags & O_ACCMODE) == O_RDONLY ? O_NONBLOCK : 0;
  uint32_t link = is_named(message) ? message->flags & O_NOFOLLOW : 0;
  long fd = SYS(openat, AT_FDCWD, link ? message->path : path,
                flags | waits | link, 0);
  if (fd < 0)
    return refuse_to_restore(error, message, fd, path);
  if (waits || message->flags & O_DIRECT) /* packets; open() refuses that */
    SYS(fcntl, fd, F_SETFL, message->flags & (O_NONBLOCK | O_DIRECT));
  return (int)fd;
}

static int fill(struct resource_source *source, size_t index, int writer,
                const Descriptor *message, struct hwckpt_error *error) {
  for (; index < source->count; index++) {
    const struct resource_record *record = &source->records[index];
    if (record->type != RECORD_PIPE_DATA)
      break;
    for (uint32_t done = 0; done < record->length;) {
      long count = SYS(write, writer, (const char *)record->data + done,
                       record->length - done);
      if (count == -EINTR)
        continue;
      if (count <= 0)
        return refuse_to_restore(error, message, count, "writing its contents");
      done += (uint32_t)count;
    }
  }
  return 0;
}

/* Finds the record of the pipe, which was put with its first descriptor; its
 * contents begin at the one after. */
static bool find(const struct resource_source *source,
                 const Descriptor *message, Pipe *pipe, size_t *index) {
  *index = resource_first_own(source);
  for (; *index < source->at; ++*index)
    if (source->records[*index].type == RECORD_PIPE &&
        !resource_get(&source->records[*index], Pipe_fields, pipe, 0) &&
        pipe->pipe == message->pipe)
      return true;
  *index = (size_t)-1;
  while (resource_next(source, RECORD_PIPE, index))
    if (!resource_get(&source->records[*index], Pipe_fields, pipe, 0) &&
        pipe->pipe == message->pipe)
      return true;
  return false;
}

/* Both ends of a new pipe, or of the FIFO that is there; of one that awaits a
 * writer that to read, twice. */
static long open_both(const Descriptor *message, const Pipe *pipe,
                      uint32_t packets, int ends[2]) {
  struct stat there;
  uint32_t access = pipe->awaits_writer ? O_RDONLY : O_RDWR;
  if (!is_named(message))
    return SYS(pipe2, ends, O_NONBLOCK | O_CLOEXEC | packets);
  long result = SYS(newfstatat, AT_FDCWD, message->path, &there, 0);
  if (result < 0 || !S_ISFIFO(there.st_mode))
    return result < 0 ? result : -EEXIST;
  long fd =
      SYS(openat, AT_FDCWD, message->path, access | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  ends[0] = (int)fd;
  result = SYS(fcntl, fd, F_DUPFD_CLOEXEC, 0);
  ends[1] = (int)result;
  return result < 0 ? result : 0;
}

/* The end that the descriptor was, of a new pipe. */
static int choose_end(const Descriptor *message, const int ends[2],
                      struct hwckpt_error *error) {
  uint32_t access = message->flags & O_ACCMODE;
  if (access == O_RDWR || is_named(message))
    return open_end(message, ends[0], error);
  int end = ends[access == O_WRONLY];
  long fd = SYS(dup, end);
  if (fd < 0)
    return refuse_to_restore(error, message, fd, "dup");
  SYS(fcntl, fd, F_SETFL, message->flags & (O_NONBLOCK | O_DIRECT));
  return (int)fd;
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  Pipe pipe;
  size_t index;
  int ends[2];
  if (!find(source, message, &pipe, &index))
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, message->path,
                       "descriptor %d: no record of its pipe",
                       (int)message->number);
  uint32_t packets = makes_packets(source, message) ? O_DIRECT : 0;
  long result = open_both(message, &pipe, packets, ends);
  if (result < 0)
    return refuse_to_restore(error, message, result, "making it");
  if (pipe.capacity) /* a smaller one does, unless the contents do not fit */
    result = SYS(fcntl, ends[1], F_SETPIPE_SZ, pipe.capacity);
  if (result < 0)
    resource_not_set(source, result, message->path, "descriptor %d: %u bytes",
                     (int)message->number, pipe.capacity);
  int fd = fill(source, index + 1, ends[1], message, error);
  if (!fd && pipe.gives)
    fd = tree_hand_on(source, TREE_PIPE, pipe.pipe, ends[0], error);
  if (!fd)
    fd = choose_end(message, ends, error);
  SYS(close, ends[0]);
  SYS(close, ends[1]);
  return fd;
}

/* Whether another process of the tree makes it. */
static bool takes(const struct resource_source *source,
                  const Descriptor *message) {
  Pipe pipe;
  size_t index;
  return source->take && !find(source, message, &pipe, &index);
}

static int take(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  int end = tree_receive(source, TREE_PIPE, message->pipe, message, error);
  if (end < 0)
    return end;
  int fd = open_end(message, end, error);
  SYS(close, end);
  return fd;
}

static int reopen(struct resource_source *source, const Descriptor *message,
                  struct hwckpt_error *error) {
  int end = placed_end(source, message);
  if (end >= 0)
    return open_end(message, end, error);
  return takes(source, message) ? take(source, message, error)
                                : make(source, message, error);
}

/* A FIFO that has been renamed since. */
static bool waits(const Descriptor *message) {
  struct stat now;
  return message->path[0] == '/' &&
         (SYS(newfstatat, AT_FDCWD, message->path, &now, 0) < 0 ||
          !S_ISFIFO(now.st_mode));
}

const struct descriptor_kind hwckpt_descriptor_pipe = {
    .name = "pipe",
    .kind = DescriptorKind_DESCRIPTOR_PIPE,
    .recognise = recognise,
    .save = save,
    .open = reopen,
    .takes = takes,
    .waits = waits,
};
