/* unix_content.c - see unix_content.h. */
#include "unix_content.h"

#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "socket_options.h"
#include "unix_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#define PARTS_MAX 1024 /* UIO_MAXIOV */
#define BUFFER_AMPLE (64 << 20)
/* Another process of the tree has the name for the moment. */
#define MOMENT_NS 1000000
#define MOMENTS 100u
#define PATH offsetof(struct sockaddr_un, sun_path)

/* ---- saving ---- */

/* The number that the first descriptor on its way in the socket has. */
static int32_t first_flight(const struct resource_sink *sink,
                            const Descriptor *message) {
  for (size_t i = 0; i < sink->fact_count; i++)
    if (sink->facts[i].number == message->number)
      return sink->facts[i].flight;
  return -1;
}

enum { NOBODY = -1, OTHERS = -2 };

/* Whether a socket has the name, of which none in this process is open. */
static bool has_holder(const void *name, uint32_t length) {
  long probe = SYS(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0)
    return true;
  long result = SYS(connect, probe, name, (int)length);
  SYS(close, probe);
  return result != -ECONNREFUSED && result != -ENOENT;
}

/* The program's descriptor of the socket with that name. */
static int32_t number_of_name(const struct resource_sink *sink,
                              const struct packet_sender *from) {
  for (size_t i = 0; i < sink->fact_count; i++) {
    if (!S_ISSOCK(sink->facts[i].mode))
      continue;
    long fd = borrow_number(sink, sink->facts[i].number);
    struct unix_name name =
        fd < 0 ? (struct unix_name){0} : unix_name_of((int)fd);
    if (fd >= 0)
      SYS(close, fd);
    if (name.length == from->name_length &&
        !memcmp(&name.name, from->name, name.length))
      return sink->facts[i].number;
  }
  return has_holder(from->name, from->name_length) ? OTHERS : NOBODY;
}

static int put_control(struct resource_sink *sink, const Descriptor *message,
                       const struct unix_message *head, size_t rights,
                       int32_t *flight, struct hwckpt_error *error) {
  SocketControl control = SocketControl_init_zero;
  const struct packet_sender *from = &head->packet.sender;
  if (head->cut || (rights && *flight < 0))
    return refuse_to_save(error, message, 0, "descriptors on their way");
  if (!rights && !from->has_process && !from->name_length)
    return 0;
  if (from->name_length) {
    control.name.size = (pb_size_t)from->name_length;
    memcpy(control.name.bytes, from->name, from->name_length);
    control.from = number_of_name(sink, from);
  }
  for (size_t i = 0; i < rights; i++)
    control.rights[control.rights_count++] = (*flight)++;
  control.has_sender = from->has_process;
  control.pid = from->process.pid;
  control.user = from->process.user;
  control.group = from->process.group;
  return resource_put(sink, RECORD_SOCKET_CONTROL, SocketControl_fields,
                      &control, error);
}

static int put_queue(struct resource_sink *sink, const Descriptor *message,
                     struct unix_queue *queue, struct hwckpt_error *error) {
  char *buffer = (char *)sink->scratch + RESOURCE_SCRATCH_DATA;
  size_t room = RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA;
  int32_t flight = first_flight(sink, message);
  struct unix_message head;
  for (;;) {
    long count = unix_queue_next(queue, buffer, room, &head);
    if (count == -EAGAIN || count == -ENOTCONN)
      return 0;
    if (count < 0)
      return refuse_to_save(error, message, count, "looking at what is queued");
    size_t rights = head.count;
    unix_queue_close(&head);
    if ((size_t)count > room)
      return resource_unsupported(sink, error, message->path,
                                  "descriptor %d: a message of %ld bytes",
                                  (int)message->number, count);
    int result = put_control(sink, message, &head, rights, &flight, error);
    if (!result)
      result =
          sink->put(sink, RECORD_SOCKET_DATA, buffer, (size_t)count, error);
    if (result)
      return result;
  }
}

int unix_content_put(struct resource_sink *sink, const Descriptor *message,
                     int socket, struct hwckpt_error *error) {
  struct unix_queue queue;
  long result = unix_queue_begin(&queue, socket);
  if (result < 0)
    return refuse_to_save(error, message, result, "SO_PEEK_OFF");
  int failed = put_queue(sink, message, &queue, error);
  unix_queue_end(&queue);
  return failed;
}

/* ---- sending again ---- */

static bool is_of_queue(const struct resource_source *source, size_t record) {
  return source->records[record].type == RECORD_SOCKET_DATA ||
         source->records[record].type == RECORD_SOCKET_CONTROL;
}

bool unix_content_any(const struct resource_source *source) {
  return source->at && is_of_queue(source, source->at - 1);
}

/* What comes with a message: descriptors, and who sent it. */
struct control {
  SocketControl is;
  _Alignas(
      struct cmsghdr) char room[CMSG_SPACE(UNIX_QUEUE_RIGHTS * sizeof(int)) +
                                CMSG_SPACE(12)];
};

static void add_control(struct msghdr *message, int type, const void *data,
                        size_t length) {
  struct cmsghdr *header =
      (void *)((char *)message->msg_control + message->msg_controllen);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(length);
  memcpy(CMSG_DATA(header), data, length);
  message->msg_controllen += CMSG_SPACE(length);
}

static void set_control(struct msghdr *message, struct control *control,
                        bool with_sender) {
  const SocketControl *is = &control->is;
  uint32_t sender[3] = {(uint32_t)is->pid, is->user, is->group};
  message->msg_control = control->room;
  message->msg_controllen = 0;
  if (is->rights_count)
    add_control(message, SCM_RIGHTS, is->rights,
                is->rights_count * sizeof(int));
  if (is->has_sender && with_sender)
    add_control(message, SCM_CREDENTIALS, sender, sizeof(sender));
  if (!message->msg_controllen)
    message->msg_control = 0;
}

/* In the name of who sent it, where that is allowed. */
static long send_message(struct resource_source *source,
                         const Descriptor *descriptor, int peer,
                         struct msghdr *message, struct control *control) {
  set_control(message, control, true);
  long sent = SYS(sendmsg, peer, message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (!control->is.has_sender || (sent != -EPERM && sent != -ESRCH))
    return sent;
  resource_not_set(source, sent, descriptor->path,
                   "descriptor %d: process %d as the sender of what is queued",
                   (int)descriptor->number, (int)control->is.pid);
  set_control(message, control, false);
  return SYS(sendmsg, peer, message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Messages go one by one; a stream in few calls, as many small ones would take
 * more of the buffer than it did. Sends what there is from `first` on in one;
 * the number of records, or a negative errno. */
static long send_records(struct resource_source *source,
                         const Descriptor *descriptor, size_t first,
                         size_t at_once, int peer, const struct unix_name *to) {
  struct iovec *parts = source->scratch;
  struct msghdr message = {.msg_iov = parts};
  if (to) {
    message.msg_name = (void *)&to->name;
    message.msg_namelen = to->length;
  }
  static struct control control;
  long sum = 0;
  size_t at = first;
  control.is = (SocketControl)SocketControl_init_zero;
  if (source->records[at].type == RECORD_SOCKET_CONTROL) {
    struct hwckpt_error error;
    if (resource_get(&source->records[at++], SocketControl_fields, &control.is,
                     &error) < 0)
      return -EINVAL;
    if (control.is.rights_count)
      at_once = 1;
  }
  while (at < source->at && message.msg_iovlen < at_once &&
         source->records[at].type == RECORD_SOCKET_DATA) {
    const struct resource_record *record = &source->records[at++];
    parts[message.msg_iovlen].iov_base = (void *)record->data;
    parts[message.msg_iovlen++].iov_len = record->length;
    sum += record->length;
  }
  if (!message.msg_iovlen)
    return -EINVAL;
  long sent = send_message(source, descriptor, peer, &message, &control);
  if (sent >= 0 && sent != sum)
    return -EAGAIN;
  return sent < 0 ? sent : (long)(at - first);
}

/* Where what is queued begins. */
static size_t first_of_queue(const struct resource_source *source) {
  size_t first = source->at;
  while (first > 0 && is_of_queue(source, first - 1))
    first--;
  return first;
}

/* As far as it is allowed; what it was. */
static int widen(int socket) {
  int before = socket_number(socket, SOL_SOCKET, SO_SNDBUF, 0) / 2;
  int ample = BUFFER_AMPLE;
  SYS(setsockopt, socket, SOL_SOCKET, SO_SNDBUFFORCE, &ample, sizeof(ample));
  return before;
}

static void narrow(int socket, int before) {
  SYS(setsockopt, socket, SOL_SOCKET, SO_SNDBUF, &before, sizeof(before));
}

int unix_content_send(struct resource_source *source, const Descriptor *message,
                      int type, int peer, struct hwckpt_error *error) {
  size_t first = first_of_queue(source);
  size_t at_once = type == SOCK_STREAM ? PARTS_MAX : 1;
  long result = 0;
  if (first == source->at)
    return 0;
  int before = widen(peer);
  while (first < source->at && result >= 0) {
    result = send_records(source, message, first, at_once, peer, 0);
    first += result < 0 ? 0 : (size_t)result;
  }
  narrow(peer, before);
  return result < 0 ? refuse_to_restore(error, message, result,
                                        "sending what was queued")
                    : 0;
}

/* For the moment, without changing anything on disk. */
static long take_name(const struct resource_source *source, int socket,
                      const SocketControl *control) {
  const struct timespec moment = {.tv_nsec = MOMENT_NS};
  struct unix_name name = {.length = control->name.size};
  memcpy(&name.name, control->name.bytes, name.length);
  /* Another process of the tree is about to have that name. */
  if (control->from == OTHERS && source->take)
    return -EADDRINUSE;
  if (name.name.sun_path[0])
    return has_holder(&name.name, name.length) ? -EADDRINUSE
                                               : unix_names_bind(socket, &name);
  long result = SYS(bind, socket, &name.name, (int)name.length);
  /* Another may have it for the moment as well. */
  for (unsigned i = 0; source->take && i < MOMENTS && result == -EADDRINUSE;
       i++) {
    SYS(nanosleep, &moment, 0);
    result = SYS(bind, socket, &name.name, (int)name.length);
  }
  return result;
}

/* A socket of our own with the name of who sent it, if that is to be had. */
static long make_sender(struct resource_source *source,
                        const Descriptor *message,
                        const SocketControl *control) {
  long fd = SYS(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || control->name.size <= PATH)
    return fd;
  long named = take_name(source, (int)fd, control);
  if (named < 0)
    resource_not_set(source, named, message->path,
                     "descriptor %d: the name of who sent what is queued",
                     (int)message->number);
  return fd;
}

/* The kernel looks for the sender's name when it is received: the program's own
 * may get it later. Until then it must not pass credentials: the kernel would
 * name it itself. */
static long send_from_own(struct resource_source *source,
                          const Descriptor *message, size_t at, int socket,
                          const struct unix_name *to) {
  int off = 0, passes = socket_number(socket, SOL_SOCKET, SO_PASSCRED, 0);
  int before = widen(socket);
  SYS(setsockopt, socket, SOL_SOCKET, SO_PASSCRED, &off, sizeof(off));
  long result = send_records(source, message, at, 1, socket, to);
  SYS(setsockopt, socket, SOL_SOCKET, SO_PASSCRED, &passes, sizeof(passes));
  narrow(socket, before);
  return result;
}

static long send_datagram(struct resource_source *source,
                          const Descriptor *message, size_t at,
                          const struct unix_name *to) {
  SocketControl control = SocketControl_init_zero;
  struct hwckpt_error error;
  if (source->records[at].type == RECORD_SOCKET_CONTROL &&
      resource_get(&source->records[at], SocketControl_fields, &control,
                   &error) < 0)
    return -EINVAL;
  if (control.name.size && control.from > 2)
    return send_from_own(source, message, at, control.from, to);
  long fd = make_sender(source, message, &control);
  if (fd < 0)
    return fd;
  widen((int)fd);
  long result = send_records(source, message, at, 1, (int)fd, to);
  SYS(close, fd);
  return result;
}

void unix_content_send_to(struct resource_source *source,
                          const Descriptor *message,
                          const struct unix_name *name) {
  size_t first = first_of_queue(source);
  long result = 0;
  while (first < source->at && result >= 0) {
    result = send_datagram(source, message, first, name);
    first += result < 0 ? 0 : (size_t)result;
  }
  if (result < 0)
    resource_not_set(source, result, message->path,
                     "descriptor %d: datagrams that waited in it",
                     (int)message->number);
}
