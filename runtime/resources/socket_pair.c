/* socket_pair.c - unix sockets that are connected to each other inside the
 * program (socketpair(2), or by name), and what is queued in them, message by
 * message.
 *
 * The pair is made with its lower descriptor; the other is then in place
 * already. Of a tree of processes, when each has an end, the first makes both
 * and gives them to the others. What is queued is looked at without being taken
 * (SO_PEEK_OFF), and sent again.
 *
 * One whose other end was closed is made as a pair too. Until what was queued
 * is sent, its other end lies in its own queue. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"
#include "tree.h"
#include "unix_content.h"
#include "unix_names.h"
#include "unix_relation.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* Whether its other end was closed. A datagram socket whose peer has a name may
 * meet that again: unix_socket.c. */
static bool has_ended(const struct resource_sink *sink,
                      const Descriptor *message) {
  struct unix_relation relation = unix_relation_of(message->inode);
  if (relation.type != SOCK_DGRAM)
    return unix_has_ended(&relation);
  if (!relation.met || relation.peer || relation.named)
    return false;
  long fd = borrow_number(sink, message->number);
  if (fd < 0)
    return false;
  bool is_nameless = !unix_peer_name_of((int)fd).length;
  SYS(close, fd);
  return is_nameless;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  /* 0 to 2 are of who restores, if nobody in the tree has the other end. */
  if (!S_ISSOCK(message->mode))
    return false;
  if (has_ended(sink, message))
    return true;
  if (message->number <= 2 && !sink->tree)
    return false;
  struct unix_relation relation = unix_relation_of(message->inode);
  /* Datagrams by name: unix_socket.c. */
  return (!relation.named || relation.type != SOCK_DGRAM) &&
         (unix_number_of(sink, relation.peer) > 2 ||
          tree_maker(sink, message->device, relation.peer) >= 0) &&
         unix_relation_of(relation.peer).peer == message->inode;
}

/* ---- saving ---- */

static void put_name(struct unix_name name, pb_size_t *size, void *bytes) {
  *size = (pb_size_t)name.length;
  memcpy(bytes, &name.name, name.length);
}

static void describe_peer(const struct resource_sink *sink,
                          const Descriptor *message, uint32_t peer,
                          SocketPair *pair) {
  int32_t other = tree_maker(sink, message->device, peer);
  bool crosses = other >= 0 && other != sink->member;
  pair->peer = crosses ? -1 : unix_number_of(sink, peer);
  pair->peer_inode = peer;
  pair->gives = crosses && other > sink->member;
  pair->peer_shutdown = unix_relation_of(peer).shutdown;
}

static int32_t process_of(int socket) {
  struct ucred peer = {0};
  uint32_t length = sizeof(peer);
  return SYS(getsockopt, socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0
             ? 0
             : peer.pid;
}

/* Whether SO_PEERCRED tells another process of the tree. */
static bool is_of_another(const struct resource_sink *sink, int32_t process) {
  size_t count;
  tree_rows(sink, TREE_PROCESS_DEVICE, (uint64_t)process, &count);
  return count && process != (int32_t)SYS(getpid);
}

/* Both ends of one process: each decides as the other does. */
static bool tells_another(const struct resource_sink *sink, int socket,
                          int32_t peer) {
  long other = borrow_number(sink, peer);
  bool tells = is_of_another(sink, process_of(socket));
  if (other < 0)
    return tells;
  tells |= is_of_another(sink, process_of((int)other));
  SYS(close, other);
  return tells;
}

static void describe_end(int socket, SocketPair *pair) {
  struct pollfd look = {.fd = socket};
  pair->peer = -1;
  pair->ended = true;
  pair->reset = SYS(poll, &look, 1, 0) == 1 && look.revents & POLLERR;
}

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  SocketPair pair = SocketPair_init_zero;
  struct unix_relation relation = unix_relation_of(message->inode);
  if (relation.peer)
    describe_peer(sink, message, relation.peer, &pair);
  else
    describe_end(socket, &pair);
  pair.process = process_of(socket);
  pair.made = sink->tree && !pair.ended &&
              (pair.peer < 0 || tells_another(sink, socket, pair.peer));
  pair.inode = message->inode;
  put_name(unix_name_of(socket), &pair.address.size, pair.address.bytes);
  put_name(unix_peer_name_of(socket), &pair.peer_address.size,
           pair.peer_address.bytes);
  pair.shutdown = relation.shutdown;
  pair.type = socket_number(socket, SOL_SOCKET, SO_TYPE, 0);
  int result =
      resource_put(sink, RECORD_SOCKET_PAIR, SocketPair_fields, &pair, error);
  if (!result)
    result = socket_options_save(sink, message, socket, AF_UNIX, pair.type, 0,
                                 error);
  return result ? result : unix_content_put(sink, message, socket, error);
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

/* ---- one whose other end was closed ---- */

union rights {
  struct cmsghdr header;
  char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(12)];
};

static long lay_aside(int peer) {
  union rights rights = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS}};
  struct iovec byte = {"", 1};
  struct msghdr message = {.msg_iov = &byte,
                           .msg_iovlen = 1,
                           .msg_control = &rights,
                           .msg_controllen = CMSG_SPACE(sizeof(int))};
  memcpy(CMSG_DATA(&rights.header), &peer, sizeof(peer));
  return SYS(sendmsg, peer, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static long take_up(int socket) {
  union rights rights;
  char got;
  int peer;
  struct iovec byte = {&got, 1};
  struct msghdr message = {.msg_iov = &byte,
                           .msg_iovlen = 1,
                           .msg_control = &rights,
                           .msg_controllen = sizeof(rights)};
  memset(&rights, 0, sizeof(rights));
  long result = SYS(recvmsg, socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (result < 0 || rights.header.cmsg_type != SCM_RIGHTS)
    return result < 0 ? result : -EBADF;
  memcpy(&peer, CMSG_DATA(&rights.header), sizeof(peer));
  return peer;
}

static int make_ended(struct resource_source *source, const Descriptor *message,
                      const SocketPair *pair, struct hwckpt_error *error) {
  int ends[2];
  long result = connect_ends(source, message, pair, ends);
  if (result < 0)
    return refuse_to_restore(error, message, result, "socketpair");
  result = lay_aside(ends[1]);
  SYS(close, ends[1]);
  return result < 0 ? refuse_to_restore(error, message, result,
                                        "the other end, which was closed")
                    : ends[0];
}

static int fill_ended(struct resource_source *source, const Descriptor *message,
                      const SocketPair *pair, int peer,
                      struct hwckpt_error *error) {
  if (peer < 0)
    return refuse_to_restore(error, message, peer,
                             "the other end, which was closed");
  int failed = unix_content_send(source, message, pair->type, peer, error);
  SYS(close, peer);
  return failed;
}

/* Whether another process of the tree makes it. */
static bool takes(const struct resource_source *source,
                  const Descriptor *message) {
  SocketPair pair;
  return source->take && !tree_takes(message) && !get(source, &pair, 0) &&
         !pair.made && pair.peer < 0 && !pair.gives && !pair.ended;
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  SocketPair pair;
  int ends[2];
  int failed = get(source, &pair, error);
  if (failed)
    return failed;
  if (pair.ended)
    return make_ended(source, message, &pair, error);
  if (pair.made && source->take)
    return tree_receive(source, TREE_SOCKET, pair.inode, message, error);
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

/* Where the other end is another process's, with that, as long as it is to be
 * had: before anybody closes his ways of sending. */
static int send_from_afar(struct resource_source *source,
                          const Descriptor *message, const SocketPair *pair,
                          struct hwckpt_error *error) {
  if (!unix_content_any(source))
    return 0;
  int peer =
      tree_receive(source, TREE_SOCKET, pair->peer_inode, message, error);
  if (peer < 0)
    return peer;
  int failed = unix_content_send(source, message, pair->type, peer, error);
  SYS(close, peer);
  return failed;
}

static int link_up(struct resource_source *source, const Descriptor *message,
                   int descriptor, struct hwckpt_error *error) {
  SocketPair pair;
  int failed = get(source, &pair, error);
  long peer = !failed && pair.ended ? take_up(descriptor) : -EBADF;
  /* A socket that is closed with something unread in it resets its peer. */
  if (peer >= 0 && pair.reset)
    SYS(sendto, descriptor, "", 1, MSG_NOSIGNAL, 0, 0);
  SYS(fcntl, descriptor, F_SETFL, message->flags);
  socket_options_restore(source, descriptor);
  if (!failed && pair.ended)
    return fill_ended(source, message, &pair, (int)peer, error);
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
  if (pair.made && source->take && !named && name.length &&
      !unix_name_of(descriptor).length)
    named = -EADDRINUSE;
  if (named < 0)
    resource_not_set(source, named, message->path,
                     "descriptor %d: name of the socket", (int)message->number);
  if (!failed && pair.peer < 0) {
    shut_down(descriptor, pair.shutdown);
    return 0;
  }
  if (!failed)
    failed = unix_content_send(source, message, pair.type, pair.peer, error);
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
