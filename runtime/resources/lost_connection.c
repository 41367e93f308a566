/* lost_connection.c - sockets connected to somebody outside the program: TCP,
 * and unix sockets of streams and packets.
 *
 * When the program was killed, its peers saw their connections end; there is
 * nobody to go on with. The program sees what it would see had the other side
 * been reset: whatever it waits for ends with ECONNRESET, what it writes is
 * refused, poll() and epoll tell. That is a socket of the same kind that really
 * was connected, here, and reset. What had arrived and was not read is lost.
 *
 * Connections whose other end is in the program too are none of these
 * (tcp_connection.c, socket_pair.c). */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"
#include "unix_relation.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define LOOPBACK_MS 1000

union name {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

/* ---- is it one? ---- */

/* Had, has, or asks for a connection. */
static bool is_tcp_connection(int socket) {
  struct tcp_info facts;
  uint32_t length = sizeof(facts);
  memset(&facts, 0, sizeof(facts));
  if (socket_number(socket, SOL_SOCKET, SO_PROTOCOL, -1) != IPPROTO_TCP ||
      SYS(getsockopt, socket, IPPROTO_TCP, TCP_INFO, &facts, &length) < 0)
    return false;
  struct pollfd look = {socket, POLLRDHUP, 0};
  SYS(poll, &look, 1, 0);
  return facts.tcpi_state != SOCKET_LISTEN &&
         (facts.tcpi_state != SOCKET_CLOSE || look.revents & POLLRDHUP);
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

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  LostConnection lost = LostConnection_init_zero;
  (void)message;
  lost.domain = socket_number(socket, SOL_SOCKET, SO_DOMAIN, 0);
  lost.type = socket_number(socket, SOL_SOCKET, SO_TYPE, 0);
  lost.protocol = socket_number(socket, SOL_SOCKET, SO_PROTOCOL, 0);
  int result = resource_put(sink, RECORD_LOST_CONNECTION, LostConnection_fields,
                            &lost, error);
  return result ? result
                : socket_options_save(sink, socket, lost.domain, lost.type,
                                      lost.protocol, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  return borrow_and_put(sink, message, put, error);
}

/* ---- restoring ---- */

/* Connects to a socket that listens, and has the connection reset. */
static long connect_and_reset(int socket, int listening) {
  union name name;
  uint32_t length = sizeof(name);
  struct linger at_once = {1, 0};
  long result = SYS(getsockname, listening, &name, &length);
  if (result >= 0)
    result = SYS(connect, socket, &name, (int)length);
  if (result < 0)
    return result;
  long other = SYS(accept4, listening, 0, 0, SOCK_CLOEXEC);
  if (other < 0)
    return other;
  SYS(setsockopt, other, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  SYS(close, other);
  struct pollfd gone = {socket, POLLRDHUP, 0};
  return SYS(poll, &gone, 1, LOOPBACK_MS) == 1 ? 0 : -ETIMEDOUT;
}

/* Where the machine has no loopback interface the socket stays without a
 * connection, and all that is asked of it ends with ENOTCONN or EPIPE. */
static long make_tcp(const LostConnection *lost) {
  union name name;
  memset(&name, 0, sizeof(name));
  name.any.sa_family = (sa_family_t)lost->domain;
  if (lost->domain == AF_INET6)
    name.six.sin6_addr.s6_addr[15] = 1;
  else
    name.four.sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
  long made =
      SYS(socket, lost->domain, lost->type | SOCK_CLOEXEC, lost->protocol);
  long listening =
      SYS(socket, lost->domain, lost->type | SOCK_CLOEXEC, lost->protocol);
  int length =
      (int)(lost->domain == AF_INET6 ? sizeof(name.six) : sizeof(name.four));
  if (made >= 0 && listening >= 0 && SYS(bind, listening, &name, length) >= 0 &&
      SYS(listen, listening, 1) >= 0)
    connect_and_reset((int)made, (int)listening);
  if (listening >= 0)
    SYS(close, listening);
  return made;
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
  int failed = resource_get_own(source, RECORD_LOST_CONNECTION,
                                LostConnection_fields, &lost, error);
  if (failed)
    return failed;
  long fd = lost.domain == AF_UNIX ? make_unix(&lost) : make_tcp(&lost);
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
};
