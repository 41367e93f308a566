/* lost_connection.c - sockets connected to somebody outside the program: TCP,
 * and unix sockets of streams and packets.
 *
 * When the program was killed, its peers saw their connections end; there is
 * nobody to go on with. The program sees what it would see had the other side
 * been reset: whatever it waits for ends with ECONNRESET, what it writes is
 * refused, poll() and epoll tell. That is a socket of the same kind that really
 * was connected, here, and reset. What had arrived and was not read is lost.
 *
 * Where the other side had ended a TCP connection before, nothing is lost: what
 * had arrived is read, and then the end.
 *
 * One that was asked for and not answered yet is asked for again, when all else
 * is in place.
 *
 * Connections whose other end is in the program too are none of these
 * (tcp_connection.c, socket_pair.c). */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"
#include "tcp_content.h"
#include "tcp_peer.h"
#include "tcp_sending.h"
#include "unix_relation.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define LOOPBACK_MS 1000
/* An acknowledgement may be delayed for 40 ms. */
#define ARRIVAL_MS 60

/* ---- is it one? ---- */

static int look_for(int socket, short what) {
  struct pollfd look = {socket, what, 0};
  SYS(poll, &look, 1, 0);
  return look.revents;
}

/* Had, has, or asks for a connection. */
static bool is_tcp_connection(int socket) {
  int state = tcp_state_of(socket);
  return state && state != SOCKET_LISTEN &&
         (state != SOCKET_CLOSE || look_for(socket, POLLRDHUP) & POLLRDHUP);
}

static bool is_unix_connection(const struct resource_sink *sink, int socket,
                               uint64_t inode) {
  struct unix_relation relation = unix_relation_of(inode);
  return socket_number(socket, SOL_SOCKET, SO_TYPE, 0) != SOCK_DGRAM &&
         relation.state == SOCKET_ESTABLISHED &&
         unix_number_of(sink, relation.peer) < 0;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  int fd = borrow_socket(sink, message);
  if (fd < 0)
    return false;
  int domain = socket_number(fd, SOL_SOCKET, SO_DOMAIN, -1);
  bool is = domain == AF_UNIX ? is_unix_connection(sink, fd, message->inode)
                              : (domain == AF_INET || domain == AF_INET6) &&
                                    is_tcp_connection(fd);
  SYS(close, fd);
  return is;
}

/* ---- saving ---- */

static void describe_end(int socket, LostConnection *lost) {
  int state = tcp_state_of(socket);
  /* The other side has ended it. */
  lost->ended = state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK ||
                state == TCP_CLOSING || state == SOCKET_CLOSE;
  lost->reset = look_for(socket, 0) & POLLERR;
  lost->shut = state != TCP_CLOSE_WAIT;
}

static void describe_asked(int socket, uint64_t inode, LostConnection *lost) {
  struct tcp_ends ends;
  if (tcp_state_of(socket) != TCP_SYN_SENT ||
      !tcp_asked_of(socket, inode, &ends))
    return;
  lost->address.size = (pb_size_t)ends.own_length;
  memcpy(lost->address.bytes, &ends.own, ends.own_length);
  lost->peer.size = (pb_size_t)ends.peer_length;
  memcpy(lost->peer.bytes, &ends.peer, ends.peer_length);
}

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  LostConnection lost = LostConnection_init_zero;
  lost.domain = socket_number(socket, SOL_SOCKET, SO_DOMAIN, 0);
  lost.type = socket_number(socket, SOL_SOCKET, SO_TYPE, 0);
  lost.protocol = socket_number(socket, SOL_SOCKET, SO_PROTOCOL, 0);
  describe_end(socket, &lost);
  describe_asked(socket, message->inode, &lost);
  int result = resource_put(sink, RECORD_LOST_CONNECTION, LostConnection_fields,
                            &lost, error);
  if (!result)
    result = socket_options_save(sink, message, socket, lost.domain, lost.type,
                                 lost.protocol, error);
  return result || !lost.ended ? result
                               : tcp_content_put(sink, message, socket, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  return borrow_and_put(sink, message, put, error);
}

/* ---- restoring ---- */

static int get(const struct resource_source *source, LostConnection *lost,
               struct hwckpt_error *error) {
  return resource_get_own(source, RECORD_LOST_CONNECTION, LostConnection_fields,
                          lost, error);
}

/* Connects to a socket that listens; the other end, or a negative errno. */
static long connect_here(int socket, int listening) {
  union tcp_name name;
  uint32_t length = sizeof(name);
  long result = SYS(getsockname, listening, &name, &length);
  if (result >= 0)
    result = SYS(connect, socket, &name, (int)length);
  return result < 0 ? result : SYS(accept4, listening, 0, 0, SOCK_CLOEXEC);
}

/* All that was sent has arrived, or waits for room there. */
static void let_arrive(int socket) {
  const struct timespec moment = {.tv_nsec = 1000000};
  int left = 0;
  for (int i = 0; i < ARRIVAL_MS; i++) {
    if (SYS(ioctl, socket, SIOCOUTQ, &left) < 0 || left <= 0)
      return;
    SYS(nanosleep, &moment, 0);
  }
}

static void end_as_it_ended(const struct resource_source *source,
                            const LostConnection *lost, int socket, int other) {
  const struct linger at_once = {1, 0};
  if (lost->ended) {
    tcp_content_send(source, other);
    let_arrive(other);
  }
  if (lost->ended && lost->shut && !lost->reset)
    SYS(shutdown, socket, SHUT_WR);
  if (!lost->ended || lost->reset)
    SYS(setsockopt, other, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  SYS(close, other);
  struct pollfd gone = {socket, POLLRDHUP, 0};
  SYS(poll, &gone, 1, LOOPBACK_MS);
}

static union tcp_name loopback_of(int domain) {
  union tcp_name name;
  memset(&name, 0, sizeof(name));
  name.any.sa_family = (sa_family_t)domain;
  if (domain == AF_INET6)
    name.six.sin6_addr.s6_addr[15] = 1;
  else
    name.four.sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
  return name;
}

/* Where the machine has no loopback interface the socket stays without a
 * connection, and all that is asked of it ends with ENOTCONN or EPIPE. */
static long make_tcp(const struct resource_source *source,
                     const LostConnection *lost) {
  union tcp_name name = loopback_of(lost->domain);
  long made =
      SYS(socket, lost->domain, lost->type | SOCK_CLOEXEC, lost->protocol);
  long listening =
      SYS(socket, lost->domain, lost->type | SOCK_CLOEXEC, lost->protocol);
  int length =
      (int)(lost->domain == AF_INET6 ? sizeof(name.six) : sizeof(name.four));
  long other = -EBADF;
  if (made >= 0 && listening >= 0 && SYS(bind, listening, &name, length) >= 0 &&
      SYS(listen, listening, 1) >= 0)
    other = connect_here((int)made, (int)listening);
  if (other >= 0)
    end_as_it_ended(source, lost, (int)made, (int)other);
  if (listening >= 0)
    SYS(close, listening);
  return made;
}

/* Under its name, if that is still to be had. */
static long make_caller(const struct resource_source *source,
                        const LostConnection *lost) {
  long made =
      SYS(socket, lost->domain, lost->type | SOCK_CLOEXEC, lost->protocol);
  if (made < 0)
    return made;
  socket_options_restore(source, (int)made);
  SYS(bind, made, lost->address.bytes, (int)lost->address.size);
  return made;
}

/* The answer is not heard at once: who waits in connect(), and who polls, are
 * to be told of it by the kernel, not we. Whether it is asked for. */
static bool ask(int socket, const void *name, uint32_t length, long *result) {
  bool deaf = tcp_deafen(socket);
  *result = SYS(connect, socket, name, (int)length);
  if (deaf)
    tcp_hear(socket);
  return *result >= 0 || *result == -EINPROGRESS;
}

/* Where nobody listens. */
static bool ask_in_vain(int socket, int domain) {
  union tcp_name name = loopback_of(domain);
  uint32_t length = sizeof(name);
  long closed = SYS(socket, domain, SOCK_STREAM | SOCK_CLOEXEC, 0), ignored;
  if (closed < 0)
    return false;
  bool asked = SYS(bind, closed, &name, (int)length) >= 0 &&
               SYS(getsockname, closed, &name, &length) >= 0 &&
               ask(socket, &name, length, &ignored);
  SYS(close, closed);
  return asked;
}

static int ask_again(struct resource_source *source, const Descriptor *message,
                     int descriptor, struct hwckpt_error *error) {
  LostConnection lost;
  long result;
  int failed = get(source, &lost, error);
  if (failed || !lost.peer.size)
    return failed;
  SYS(fcntl, descriptor, F_SETFL, message->flags | O_NONBLOCK);
  if (!ask(descriptor, lost.peer.bytes, lost.peer.size, &result) &&
      !ask_in_vain(descriptor, lost.domain))
    resource_not_set(source, result, message->path, "descriptor %d: connect",
                     (int)message->number);
  SYS(fcntl, descriptor, F_SETFL, message->flags);
  return 0;
}

/* A socket that is closed with something unread in it resets its peer. */
static long make_unix(const LostConnection *lost) {
  int ends[2];
  long result =
      SYS(socketpair, AF_UNIX, lost->type | SOCK_CLOEXEC, lost->protocol, ends);
  if (result < 0)
    return result;
  SYS(sendto, ends[0], "", 1, MSG_NOSIGNAL, 0, 0);
  SYS(close, ends[1]);
  return ends[0];
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  LostConnection lost;
  int failed = get(source, &lost, error);
  if (failed)
    return failed;
  long fd = lost.peer.size           ? make_caller(source, &lost)
            : lost.domain == AF_UNIX ? make_unix(&lost)
                                     : make_tcp(source, &lost);
  if (fd < 0)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-fd, message->path,
                       "descriptor %d: socket", (int)message->number);
  socket_options_restore(source, (int)fd);
  SYS(fcntl, fd, F_SETFL, message->flags);
  return (int)fd;
}

const struct descriptor_kind hwckpt_descriptor_lost_connection = {
    .name = "connection",
    .kind = DescriptorKind_DESCRIPTOR_LOST_CONNECTION,
    .recognise = recognise,
    .save = save,
    .open = make,
    .meet = ask_again,
};
