/* internet_socket.c - TCP and UDP sockets without a connection: listening,
 * bound or fresh, and UDP sockets with a peer's address, over IPv4 and IPv6.
 *
 * Connections of the program itself that wait to be accepted are made again by
 * who restores, and so is the socket that listens (tools/hwckpt/connections.c);
 * others are reset, as after a crash of the machine they came from. Datagrams
 * that wait are sent again (udp_queue.h). */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "multicast.h"
#include "resource.h"
#include "socket_options.h"
#include "tcp_left.h"
#include "tcp_shared.h"
#include "tree.h"
#include "udp_queue.h"
#include "udp_sending.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define STATE_CLOSE 7   /* TCP_CLOSE */
#define STATE_LISTEN 10 /* TCP_LISTEN */

struct queue {
  uint32_t waiting, most; /* connections, to be accepted */
};

/* The state of a TCP socket, and what is queued in one that listens. */
static int tcp_state(int socket, struct queue *queue) {
  struct tcp_info facts;
  uint32_t length = sizeof(facts);
  memset(&facts, 0, sizeof(facts));
  if (SYS(getsockopt, socket, IPPROTO_TCP, TCP_INFO, &facts, &length) < 0)
    return -1;
  *queue = (struct queue){facts.tcpi_unacked, facts.tcpi_sacked};
  return facts.tcpi_state;
}

/* What had a connection, and is closed, has its end to be read. */
static bool is_used_up(int socket) {
  struct pollfd look = {socket, POLLRDHUP, 0};
  SYS(poll, &look, 1, 0);
  return look.revents & POLLRDHUP;
}

static bool has_no_connection(int socket) {
  int domain = socket_number(socket, SOL_SOCKET, SO_DOMAIN, -1);
  int protocol = socket_number(socket, SOL_SOCKET, SO_PROTOCOL, -1);
  struct queue queue;
  if (domain != AF_INET && domain != AF_INET6)
    return false;
  if (protocol == IPPROTO_UDP) /* of a raw socket too */
    return socket_number(socket, SOL_SOCKET, SO_TYPE, 0) == SOCK_DGRAM;
  if (protocol != IPPROTO_TCP)
    return false;
  int state = tcp_state(socket, &queue);
  return state == STATE_LISTEN || (state == STATE_CLOSE && !is_used_up(socket));
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  int fd = borrow_socket(sink, message);
  if (fd < 0)
    return false;
  bool is = has_no_connection(fd);
  SYS(close, fd);
  return is;
}

/* ---- saving ---- */

static bool has_port(const struct sockaddr_in6 *address) {
  return address->sin6_port != 0; /* at the same place in both families */
}

/* Whether the address is none of this machine: it was bound with IP_FREEBIND or
 * the like, which may have been switched off since, or has gone. */
static bool is_elsewhere(int domain, const struct sockaddr_in6 *address,
                         uint32_t length) {
  struct sockaddr_in6 name = *address;
  int yes = 1;
  long fd = SYS(socket, domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return false;
  name.sin6_port = 0; /* it takes none */
  SYS(setsockopt, fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
  long result = SYS(bind, fd, &name, (int)length);
  SYS(close, fd);
  return result == -EADDRNOTAVAIL;
}

static int put(struct resource_sink *sink, const Descriptor *descriptor,
               int socket, struct hwckpt_error *error) {
  InternetSocket message = InternetSocket_init_zero;
  struct sockaddr_in6 address;
  uint32_t length = sizeof(address);
  message.domain = socket_number(socket, SOL_SOCKET, SO_DOMAIN, 0);
  message.type = socket_number(socket, SOL_SOCKET, SO_TYPE, 0);
  message.protocol = socket_number(socket, SOL_SOCKET, SO_PROTOCOL, 0);
  memset(&address, 0, sizeof(address));
  if (SYS(getsockname, socket, &address, &length) == 0 && has_port(&address)) {
    message.address.size = (pb_size_t)length;
    memcpy(message.address.bytes, &address, length);
    message.elsewhere = is_elsewhere(message.domain, &address, length);
  }
  length = sizeof(address);
  int result = 0;
  if (message.protocol == IPPROTO_UDP && udp_is_corked(socket))
    result = resource_unsupported(
        sink, error, descriptor->path,
        "descriptor %d: a datagram that is begun (UDP_CORK, MSG_MORE)",
        (int)descriptor->number);
  if (result)
    return result;
  if (message.protocol == IPPROTO_UDP)
    message.shutdown = udp_shutdown_of(socket, descriptor->inode);
  if (message.protocol == IPPROTO_UDP &&
      SYS(getpeername, socket, &address, &length) == 0) {
    message.peer.size = (pb_size_t)length;
    memcpy(message.peer.bytes, &address, length);
    message.refused = udp_is_refused(socket);
  }
  struct queue queue;
  if (message.protocol == IPPROTO_TCP &&
      tcp_state(socket, &queue) == STATE_LISTEN) {
    message.listens = true;
    message.backlog = queue.most;
    message.inode = descriptor->inode;
    /* With TCP_DEFER_ACCEPT those do not count that have sent nothing. */
    message.awaited = queue.waiting || socket_number(socket, IPPROTO_TCP,
                                                     TCP_DEFER_ACCEPT, 0) > 0;
  }
  result = resource_put(sink, RECORD_INTERNET_SOCKET, InternetSocket_fields,
                        &message, error);
  if (!result)
    result = socket_options_save(sink, descriptor, socket, message.domain,
                                 message.type, message.protocol, error);
  if (!result && message.protocol == IPPROTO_UDP)
    result = multicast_save(sink, socket, message.domain, error);
  return result || message.protocol != IPPROTO_UDP || !message.address.size
             ? result
             : udp_queue_put(sink, descriptor, socket, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  return borrow_and_put(sink, message, put, error);
}

/* ---- restoring ---- */

/* Connections of the killed program are in the way whose listening socket was
 * without SO_REUSEADDR, which this one has by now. */
static long bind_to(int fd, const InternetSocket *socket) {
  const void *name = socket->address.bytes;
  uint32_t length = socket->address.size;
  long result = SYS(bind, fd, name, length);
  if (result == -EADDRINUSE && socket->protocol == IPPROTO_TCP &&
      tcp_free_left(name))
    result = SYS(bind, fd, name, length);
  return result;
}

/* Whether another of the process listens at its address: for the moment both
 * have SO_REUSEPORT, which either may have switched off since it was bound. */
static bool is_shared(const struct resource_source *source,
                      const InternetSocket *socket) {
  static InternetSocket other;
  struct hwckpt_error error;
  if (!socket->listens)
    return false;
  for (size_t i = 0; i < source->count; i++)
    if (source->records[i].type == RECORD_INTERNET_SOCKET &&
        !resource_get(&source->records[i], InternetSocket_fields, &other,
                      &error) &&
        tcp_shares(socket, &other))
      return true;
  return false;
}

static void let_share(int fd, int yes) {
  SYS(setsockopt, fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes));
}

/* The option is of both families. */
static long bind_elsewhere(int fd, const InternetSocket *socket) {
  int yes = 1, before = socket_number(fd, IPPROTO_IP, IP_FREEBIND, 0);
  SYS(setsockopt, fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes));
  long result = bind_to(fd, socket);
  SYS(setsockopt, fd, IPPROTO_IP, IP_FREEBIND, &before, sizeof(before));
  return result;
}

static long set_up(const struct resource_source *source, int fd,
                   const InternetSocket *socket) {
  int yes = 1;
  socket_options_restore(source, fd);
  /* What its connections left behind must not be in the way, nor others of the
   * program with this address: until settle(). */
  SYS(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (!socket->address.size)
    return 0;
  if (is_shared(source, socket))
    let_share(fd, 1);
  return socket->elsewhere ? bind_elsewhere(fd, socket) : bind_to(fd, socket);
}

static int get(const struct resource_source *source, InternetSocket *socket,
               struct hwckpt_error *error) {
  return resource_get_own(source, RECORD_INTERNET_SOCKET, InternetSocket_fields,
                          socket, error);
}

static bool is_given(const struct resource_source *source,
                     const InternetSocket *socket) {
  return source->take && socket->listens && socket->awaited;
}

static bool takes(const struct resource_source *source,
                  const Descriptor *message) {
  InternetSocket socket;
  return source->take && !tree_takes(message) && !get(source, &socket, 0) &&
         is_given(source, &socket);
}

static int take(struct resource_source *source, const Descriptor *message,
                const InternetSocket *socket, struct hwckpt_error *error) {
  int no = 0;
  int fd = tree_receive(source, TREE_SOCKET, socket->inode, message, error);
  if (fd < 0)
    return fd;
  SYS(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &no, sizeof(no));
  let_share(fd, is_shared(source, socket));
  socket_options_restore(source, fd);
  SYS(fcntl, fd, F_SETFL, message->flags);
  return fd;
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  InternetSocket socket;
  int failed = get(source, &socket, error);
  if (failed)
    return failed;
  if (is_given(source, &socket))
    return take(source, message, &socket, error);
  long fd =
      SYS(socket, socket.domain, socket.type | SOCK_CLOEXEC, socket.protocol);
  if (fd < 0)
    return refuse_to_restore(error, message, fd, "socket");
  long result = set_up(source, (int)fd, &socket);
  if (result < 0)
    return refuse_to_restore(error, message, result, "bind");
  SYS(fcntl, fd, F_SETFL, message->flags);
  return (int)fd;
}

/* Others with this address were bound before. */
static int begin_to_listen(const struct resource_source *source,
                           const Descriptor *message, int descriptor,
                           const InternetSocket *socket,
                           struct hwckpt_error *error) {
  if (!socket->listens || is_given(source, socket))
    return 0;
  long result = SYS(listen, descriptor, socket->backlog);
  return result < 0 ? refuse_to_restore(error, message, result, "listen") : 0;
}

/* The peer comes after the datagrams: they may be from others. */
static int link_up(struct resource_source *source, const Descriptor *message,
                   int descriptor, struct hwckpt_error *error) {
  InternetSocket socket;
  int failed = get(source, &socket, error);
  if (failed)
    return failed;
  if (socket.protocol != IPPROTO_UDP)
    return begin_to_listen(source, message, descriptor, &socket, error);
  udp_queue_send(source, message, descriptor);
  long joined = multicast_restore(source, descriptor);
  if (joined < 0)
    resource_not_set(source, joined, message->path,
                     "descriptor %d: a multicast group", (int)message->number);
  long refused = socket.refused ? udp_refuse(descriptor) : 0;
  if (refused < 0)
    resource_not_set(source, refused, message->path,
                     "descriptor %d: an error that waited",
                     (int)message->number);
  long result = socket.peer.size ? SYS(connect, descriptor, socket.peer.bytes,
                                       (int)socket.peer.size)
                                 : 0;
  return result < 0 ? refuse_to_restore(error, message, result, "connect") : 0;
}

/* Until here its address could be shared, by who sends in its name, or listens
 * at it. */
static int settle(struct resource_source *source, const Descriptor *message,
                  int descriptor, struct hwckpt_error *error) {
  InternetSocket socket;
  int no = 0;
  int failed = get(source, &socket, error);
  (void)message;
  if (failed)
    return failed;
  if (is_shared(source, &socket))
    let_share(descriptor, 0);
  SYS(setsockopt, descriptor, SOL_SOCKET, SO_REUSEADDR, &no, sizeof(no));
  socket_options_restore(source, descriptor);
  if (socket.protocol == IPPROTO_UDP)
    udp_shut_down(descriptor, socket.shutdown);
  return 0;
}

const struct descriptor_kind hwckpt_descriptor_internet_socket = {
    .name = "internet socket",
    .kind = DescriptorKind_DESCRIPTOR_INTERNET_SOCKET,
    .recognise = recognise,
    .save = save,
    .open = make,
    .takes = takes,
    .link = link_up,
    .settle = settle,
};
