/* socket_pair.c - unix sockets that are connected to each other inside the
 * program (socketpair(2), or by name), and what is queued in them, message by
 * message.
 *
 * The pair is made with its lower descriptor; the other is then in place
 * already. Of a tree of processes, when each has an end, the first makes both
 * and gives them to the others. What is queued is looked at without being taken
 * (SO_PEEK_OFF), and sent again. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "resource.h"
#include "socket_options.h"
#include "tree.h"
#include "unix_names.h"
#include "unix_queue.h"
#include "unix_relation.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PARTS_MAX 1024 /* UIO_MAXIOV */
#define BUFFER_AMPLE (64 << 20)

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  /* 0 to 2 are of who restores, if nobody in the tree has the other end. */
  if (!S_ISSOCK(message->mode) || (message->number <= 2 && !sink->tree))
    return false;
  struct unix_relation relation = unix_relation_of(message->inode);
  /* Datagrams by name: unix_socket.c. */
  return (!relation.named || relation.type != SOCK_DGRAM) &&
         (unix_number_of(sink, relation.peer) > 2 ||
          tree_maker(sink, message->device, relation.peer) >= 0) &&
         unix_relation_of(relation.peer).peer == message->inode;
}

/* ---- saving ---- */

/* The number that the first descriptor on its way in the socket has. */
static int32_t first_flight(const struct resource_sink *sink,
                            const Descriptor *message) {
  for (size_t i = 0; i < sink->fact_count; i++)
    if (sink->facts[i].number == message->number)
      return sink->facts[i].flight;
  return -1;
}

static int put_control(struct resource_sink *sink, const Descriptor *message,
                       const struct unix_message *from, size_t rights,
                       int32_t *flight, struct hwckpt_error *error) {
  SocketControl control = SocketControl_init_zero;
  if (from->cut || (rights && *flight < 0))
    return refuse_to_save(error, message, 0, "descriptors on their way");
  if (!rights && !from->has_sender)
    return 0;
  for (size_t i = 0; i < rights; i++)
    control.rights[control.rights_count++] = (*flight)++;
  control.has_sender = from->has_sender;
  control.pid = from->sender.pid;
  control.user = from->sender.user;
  control.group = from->sender.group;
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

static int put_contents(struct resource_sink *sink, const Descriptor *message,
                        int socket, struct hwckpt_error *error) {
  struct unix_queue queue;
  long result = unix_queue_begin(&queue, socket);
  if (result < 0)
    return refuse_to_save(error, message, result, "SO_PEEK_OFF");
  int failed = put_queue(sink, message, &queue, error);
  unix_queue_end(&queue);
  return failed;
}

static void put_name(struct unix_name name, pb_size_t *size, void *bytes) {
  *size = (pb_size_t)name.length;
  memcpy(bytes, &name.name, name.length);
}

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  SocketPair pair = SocketPair_init_zero;
  struct unix_relation relation = unix_relation_of(message->inode);
  int32_t other = tree_maker(sink, message->device, relation.peer);
  bool crosses = other >= 0 && other != sink->member;
  pair.peer = crosses ? -1 : unix_number_of(sink, relation.peer);
  pair.inode = message->inode;
  pair.peer_inode = relation.peer;
  pair.gives = crosses && other > sink->member;
  put_name(unix_name_of(socket), &pair.address.size, pair.address.bytes);
  put_name(unix_peer_name_of(socket), &pair.peer_address.size,
           pair.peer_address.bytes);
  pair.shutdown = relation.shutdown;
  pair.peer_shutdown = unix_relation_of(relation.peer).shutdown;
  pair.type = socket_number(socket, SOL_SOCKET, SO_TYPE, 0);
  int result =
      resource_put(sink, RECORD_SOCKET_PAIR, SocketPair_fields, &pair, error);
  if (!result)
    result = socket_options_save(sink, socket, AF_UNIX, pair.type, 0, error);
  return result ? result : put_contents(sink, message, socket, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  return borrow_and_put(sink, message, put, error);
}

/* ---- restoring ---- */

static int get(const struct resource_source *source, SocketPair *pair,
               struct hwckpt_error *error) {
  return resource_get_own(source, RECORD_SOCKET_PAIR, SocketPair_fields, pair,
                          error);
}

static struct unix_name get_name(pb_size_t size, const void *bytes) {
  struct unix_name name = {.length = size};
  memcpy(&name.name, bytes, size);
  return name;
}

/* This end, and the other. */
static long connect_ends(struct resource_source *source,
                         const Descriptor *message, const SocketPair *pair,
                         int ends[2]) {
  struct unix_name own = get_name(pair->address.size, pair->address.bytes);
  struct unix_name other =
      get_name(pair->peer_address.size, pair->peer_address.bytes);
  bool accepted = own.length && other.length ? pair->peer_inode > pair->inode
                                             : other.length != 0;
  long unnamed, result = unix_names_connect(pair->type, &own, &other, accepted,
                                            ends, &unnamed);
  if (result >= 0 && unnamed)
    resource_not_set(source, unnamed, message->path,
                     "descriptor %d: name of the socket", (int)message->number);
  return result;
}

/* Of the pair that reaches into another process. */
static int make_for_both(struct resource_source *source,
                         const Descriptor *message, const SocketPair *pair,
                         struct hwckpt_error *error) {
  int ends[2];
  long result = connect_ends(source, message, pair, ends);
  if (result < 0)
    return refuse_to_restore(error, message, result, "socketpair");
  int failed = tree_hand_on(source, TREE_SOCKET, pair->inode, ends[0], error);
  if (!failed)
    failed =
        tree_hand_on(source, TREE_SOCKET, pair->peer_inode, ends[1], error);
  SYS(close, ends[1]);
  return failed ? failed : ends[0];
}

/* Whether another process of the tree makes it. */
static bool takes(const struct resource_source *source,
                  const Descriptor *message) {
  SocketPair pair;
  return source->take && !tree_takes(message) && !get(source, &pair, 0) &&
         pair.peer < 0 && !pair.gives;
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  SocketPair pair;
  int ends[2];
  int failed = get(source, &pair, error);
  if (failed)
    return failed;
  if (pair.peer < 0)
    return pair.gives
               ? make_for_both(source, message, &pair, error)
               : tree_receive(source, TREE_SOCKET, pair.inode, message, error);
  if (pair.peer <= message->number) /* made with that one */
    return message->number;
  long result = connect_ends(source, message, &pair, ends);
  if (result < 0)
    return refuse_to_restore(error, message, result, "socketpair");
  /* One of them may have been given the number that the other is to have. */
  if (ends[0] == pair.peer) {
    int swap = ends[0];
    ends[0] = ends[1];
    ends[1] = swap;
  }
  if (ends[1] != pair.peer) {
    result = SYS(dup3, ends[1], pair.peer, O_CLOEXEC);
    SYS(close, ends[1]);
  }
  return result < 0 ? refuse_to_restore(error, message, result, "dup3")
                    : ends[0];
}

/* ---- what was queued ---- */

static bool is_of_queue(const struct resource_source *source, size_t record) {
  return source->records[record].type == RECORD_SOCKET_DATA ||
         source->records[record].type == RECORD_SOCKET_CONTROL;
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
                         size_t at_once, int peer) {
  struct iovec *parts = source->scratch;
  struct msghdr message = {.msg_iov = parts};
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

/* What was queued for this one, its peer sends again. */
static int send_queue(struct resource_source *source, const Descriptor *message,
                      const SocketPair *pair, int peer,
                      struct hwckpt_error *error) {
  size_t first = source->at;
  while (first > 0 && is_of_queue(source, first - 1))
    first--;
  size_t at_once = pair->type == SOCK_STREAM ? PARTS_MAX : 1;
  int before = socket_number(peer, SOL_SOCKET, SO_SNDBUF, 0) / 2;
  int ample = BUFFER_AMPLE;
  long result = 0;
  if (first < source->at) /* as far as it is allowed */
    SYS(setsockopt, peer, SOL_SOCKET, SO_SNDBUFFORCE, &ample, sizeof(ample));
  while (first < source->at && result >= 0) {
    result = send_records(source, message, first, at_once, peer);
    first += result < 0 ? 0 : (size_t)result;
  }
  SYS(setsockopt, peer, SOL_SOCKET, SO_SNDBUF, &before, sizeof(before));
  return result < 0 ? refuse_to_restore(error, message, result,
                                        "sending what was queued")
                    : 0;
}

/* Where the other end is another process's, with that, as long as it is to be
 * had: before anybody closes his ways of sending. */
static int send_from_afar(struct resource_source *source,
                          const Descriptor *message, const SocketPair *pair,
                          struct hwckpt_error *error) {
  if (source->at == 0 || !is_of_queue(source, source->at - 1))
    return 0;
  int peer =
      tree_receive(source, TREE_SOCKET, pair->peer_inode, message, error);
  if (peer < 0)
    return peer;
  int failed = send_queue(source, message, pair, peer, error);
  SYS(close, peer);
  return failed;
}

static int link_up(struct resource_source *source, const Descriptor *message,
                   int descriptor, struct hwckpt_error *error) {
  SocketPair pair;
  int failed = get(source, &pair, error);
  SYS(fcntl, descriptor, F_SETFL, message->flags);
  socket_options_restore(source, descriptor);
  return failed || pair.peer >= 0
             ? failed
             : send_from_afar(source, message, &pair, error);
}

/* 1: of receiving, 2: of sending. */
static void shut_down(int socket, uint32_t what) {
  if (what)
    SYS(shutdown, socket, what - 1);
}

static int settle(struct resource_source *source, const Descriptor *message,
                  int descriptor, struct hwckpt_error *error) {
  SocketPair pair;
  int failed = get(source, &pair, error);
  if (failed)
    return failed;
  struct unix_name name = get_name(pair.address.size, pair.address.bytes);
  long named = unix_names_bind(descriptor, &name);
  if (named < 0)
    resource_not_set(source, named, message->path,
                     "descriptor %d: name of the socket", (int)message->number);
  if (!failed && pair.peer < 0) {
    shut_down(descriptor, pair.shutdown);
    return 0;
  }
  if (!failed)
    failed = send_queue(source, message, &pair, pair.peer, error);
  /* Both are full by the time of the higher one. */
  if (!failed && pair.peer < message->number) {
    shut_down(descriptor, pair.shutdown);
    shut_down(pair.peer, pair.peer_shutdown);
  }
  return failed;
}

const struct descriptor_kind hwckpt_descriptor_socket_pair = {
    .name = "socket pair",
    .kind = DescriptorKind_DESCRIPTOR_SOCKET_PAIR,
    .recognise = recognise,
    .save = save,
    .open = make,
    .takes = takes,
    .link = link_up,
    .settle = settle,
};
