/* connections.c - TCP connections between processes of the program, or inside
 * one: made before the processes are, as their two ends were bound and
 * connected, with what was received and not read, or on its way, sent again.
 * Those that wait to be accepted come last (connections_waiting.c): the sockets
 * that listen would be in the way of the others. */
#include "connections.h"
#include "assembly.h"
#include "command.h"
#include "exchange.h"

#include "runtime/resources/tcp_left.h"
#include "runtime/resources/tcp_room.h"
#include "runtime/resources/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pb_decode.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51 /* Linux 6.3 */
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif

/* A connection that ended keeps its names for a while: a second, where the
 * kernel may use them again. */
#define NAME_WAIT_MS 5000
/* On the loopback interface the other side answers at once. */
#define CONNECT_S 10
/* Bytes that a fresh connection holds, whatever is set (tcp_wmem). */
#define ROOM_FRESH ((size_t)32 << 10)

static bool decode(const void *data, size_t length, TcpConnection *is) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  *is = (TcpConnection)TcpConnection_init_zero;
  return pb_decode(&stream, TcpConnection_fields, is);
}

static bool add(struct tcp_ends *ends, const struct tcp_end *end) {
  if (ends->count == ends->room) {
    size_t room = ends->room * 2 + 16;
    struct tcp_end *grown = reallocarray(ends->all, room, sizeof *grown);
    if (!grown)
      return false;
    ends->all = grown;
    ends->room = room;
  }
  ends->all[ends->count++] = *end;
  return true;
}

static bool collect(struct tcp_ends *ends,
                    const struct generation *generation) {
  uint32_t type;
  const void *data;
  size_t length;
  struct tcp_end end = {.generation = generation, .socket = -1};
  for (; cache_reader_record(generation->reader, end.record, &type, &data,
                             &length);
       end.record++)
    if (type == RECORD_TCP_CONNECTION && decode(data, length, &end.is) &&
        !add(ends, &end))
      return false;
  return true;
}

static struct tcp_end *other_of(const struct tcp_ends *ends,
                                const struct tcp_end *end) {
  for (size_t i = 0; i < ends->count; i++)
    if (ends->all[i].is.inode == end->is.peer_inode &&
        ends->all[i].is.peer_inode == end->is.inode)
      return &ends->all[i];
  return NULL;
}

union tcp_name tcp_name_of(const void *bytes, size_t size) {
  union tcp_name name = {0};
  memcpy(&name, bytes, size < sizeof name ? size : sizeof name);
  return name;
}

unsigned tcp_port_of(const void *bytes, size_t size) {
  union tcp_name name = tcp_name_of(bytes, size);
  return ntohs(name.four.sin_port); /* at the same place in both families */
}

static unsigned port_of(const struct tcp_end *end) {
  return tcp_port_of(end->is.address.bytes, end->is.address.size);
}

int tcp_make_socket(int domain) {
  int yes = 1;
  int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd >= 0)
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return fd;
}

static bool bind_name(int fd, const void *bytes, size_t size) {
  union tcp_name name = tcp_name_of(bytes, size);
  return !bind(fd, &name.any, (socklen_t)size);
}

static bool bind_as(int fd, const struct tcp_end *end) {
  return bind_name(fd, end->is.address.bytes, end->is.address.size);
}

/* What free_names() leaves (sysctl tcp_rfc1337) is passed over on the loopback
 * interface: by connect(), after a second, where it looks for a port itself and
 * only this one is in its range (ip(7), Linux 6.3). */
static bool bind_by_connect(int fd, const struct tcp_end *end) {
  union tcp_name name =
      tcp_name_of(end->is.address.bytes, end->is.address.size);
  uint32_t range = port_of(end) | port_of(end) << 16;
  int yes = 1;
  name.four.sin_port = 0; /* at the same place in both families */
  return !setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes,
                     sizeof yes) &&
         !setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range,
                     sizeof range) &&
         !bind(fd, &name.any, end->is.address.size);
}

/* At once where that is allowed (TCP_REPAIR: CAP_NET_ADMIN). */
static bool bind_by_repair(int fd, const struct tcp_end *end) {
  int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF, yes = 1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on))
    return false;
  bool bound = bind_as(fd, end);
  /* The kernel forgets with it that the name may be used again. */
  setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof off);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return bound;
}

static bool bind_as_caller(int fd, const struct tcp_end *end) {
  if (bind_as(fd, end))
    return true;
  if (errno != EADDRINUSE)
    return false;
  bool bound = bind_by_repair(fd, end) || bind_by_connect(fd, end);
  errno = EADDRINUSE;
  return bound;
}

static bool connect_as(int fd, const struct tcp_end *end) {
  union tcp_name peer = tcp_name_of(end->is.peer.bytes, end->is.peer.size);
  union tcp_name own;
  socklen_t length = sizeof own;
  int none = 0;
  if (!bind_as_caller(fd, end) || connect(fd, &peer.any, end->is.peer.size))
    return false;
  setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &none, sizeof none);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &none, sizeof none);
  if (!getsockname(fd, &own.any, &length) &&
      tcp_port_of(&own, length) == port_of(end))
    return true;
  errno = EADDRINUSE;
  return false;
}

static bool is_name_in_use(int number) {
  return number == EADDRINUSE || number == EADDRNOTAVAIL;
}

int tcp_connect_as(const struct tcp_end *end) {
  const struct timeval most = {.tv_sec = CONNECT_S}, any = {0};
  const struct timespec moment = {.tv_nsec = 20000000};
  for (int waited = 0;; waited += 20) {
    int fd = tcp_make_socket(end->is.domain);
    if (fd < 0)
      return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    if (connect_as(fd, end)) {
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &any, sizeof any);
      return fd;
    }
    int number = errno;
    close(fd);
    errno = number;
    if (!is_name_in_use(number) || waited >= NAME_WAIT_MS)
      return -1;
    nanosleep(&moment, NULL);
  }
}

/* Whether its name is somebody's: of the killed program's connection, mostly.
 */
static bool is_name_left(const struct tcp_end *end) {
  int fd = tcp_make_socket(end->is.domain);
  bool left = fd >= 0 && !bind_as(fd, end) && errno == EADDRINUSE;
  if (fd >= 0)
    close(fd);
  return left;
}

/* Calls it from the name of its peer, and hangs up; whether that could be. */
static bool call(const struct tcp_end *end) {
  union tcp_name name =
      tcp_name_of(end->is.address.bytes, end->is.address.size);
  int fd = tcp_make_socket(end->is.domain);
  bool called =
      fd >= 0 && !fcntl(fd, F_SETFL, O_NONBLOCK) &&
      bind_name(fd, end->is.peer.bytes, end->is.peer.size) &&
      (!connect(fd, &name.any, end->is.address.size) || errno == EINPROGRESS);
  if (fd >= 0)
    close(fd);
  return called;
}

/* Each is called by its peer's name, and what else is left at its port: of
 * connections that the checkpoint does not know. Where several have a name in
 * common, the next round frees what the others were in the way of. */
static void free_names(const struct tcp_ends *ends) {
  bool any = true;
  for (int round = 0; any && round < 2; round++) {
    any = false;
    for (size_t i = 0; i < ends->count; i++) {
      const struct tcp_end *end = &ends->all[i];
      if (!is_name_left(end))
        continue;
      bool called = call(end);
      any |= tcp_free_left(end->is.address.bytes) || called;
    }
  }
}

static bool make_pair(struct tcp_end *called, struct tcp_end *caller,
                      const char **what) {
  int listener = tcp_make_socket(called->is.domain);
  *what = "bind";
  bool good =
      listener >= 0 && bind_as(listener, called) && !listen(listener, 1);
  if (good) {
    *what = "connect";
    caller->socket = tcp_connect_as(caller);
    good = caller->socket >= 0;
  }
  if (good) {
    *what = "accept";
    called->socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    good = called->socket >= 0;
  }
  int number = errno;
  if (listener >= 0)
    close(listener);
  errno = number;
  return good;
}

/* The end with the lower port is taken for the one that was called: which it
 * was, nothing tells any more. The other one where a killed program left that
 * name: listening on it is not to be forced. */
static bool make_either_way(struct tcp_end *one, struct tcp_end *other,
                            const char **what) {
  bool is_called = port_of(one) <= port_of(other);
  struct tcp_end *called = is_called ? one : other;
  struct tcp_end *caller = is_called ? other : one;
  if (make_pair(called, caller, what))
    return true;
  if (!is_name_in_use(errno) || caller->socket >= 0)
    return false;
  return make_pair(caller, called, what);
}

static bool is_of_connection(uint32_t type) {
  return type == RECORD_SOCKET_DATA || type == RECORD_SOCKET_OPTION ||
         type == RECORD_TCP_SENDING || type == RECORD_SOCKET_SENDING;
}

static bool send_bytes(int from, const char *bytes, size_t length) {
  while (length) {
    ssize_t sent = send(from, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    struct pollfd look = {.fd = from, .events = POLLOUT};
    if (sent < 0 && (errno != EAGAIN || poll(&look, 1, 1000) != 1))
      return false;
    bytes += sent > 0 ? sent : 0;
    length -= sent > 0 ? (size_t)sent : 0;
  }
  return true;
}

/* Sends the end's records of a type, but for so many bytes; -1 as socket: only
 * counts them. */
static bool send_records(const struct tcp_end *end, uint32_t wanted,
                         size_t but_for, int from, size_t *total) {
  uint32_t type;
  const void *data;
  size_t length, at = end->record;
  while (cache_reader_record(end->generation->reader, ++at, &type, &data,
                             &length) &&
         is_of_connection(type)) {
    if (type != wanted)
      continue;
    size_t skip = but_for < length ? but_for : length;
    but_for -= skip;
    *total += length - skip;
    if (from >= 0 &&
        !send_bytes(from, (const char *)data + skip, length - skip))
      return false;
  }
  return true;
}

static TcpSending facts_of(const struct tcp_end *end) {
  TcpSending facts = TcpSending_init_zero;
  uint32_t type;
  const void *data;
  size_t length, at = end->record;
  while (cache_reader_record(end->generation->reader, ++at, &type, &data,
                             &length) &&
         is_of_connection(type)) {
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    if (type == RECORD_TCP_SENDING &&
        !pb_decode(&stream, TcpSending_fields, &facts))
      facts = (TcpSending)TcpSending_init_zero;
  }
  return facts;
}

/* Of what the other end was sending this one had so much. */
static size_t had_of(const struct tcp_end *end, const struct tcp_end *other) {
  TcpSending had = facts_of(end), sent = facts_of(other);
  return had.counted ? had.arrived_to - sent.from : SIZE_MAX;
}

/* Lets both sides hold so much, where that is allowed; else the receiver, as
 * far as the kernel lets any. */
static void make_room(int from, int to, size_t bytes) {
  int size = bytes < INT32_MAX / 4 ? (int)bytes : INT32_MAX / 4;
  setsockopt(from, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  if (setsockopt(to, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
    tcp_room_make(to, bytes);
}

/* The sizes are the kernel's again. */
static void give_room_back(int socket) {
  int none = 0;
  setsockopt(socket, SOL_SOCKET, SO_BUF_LOCK, &none, sizeof none);
}

/* What was received at `end`, and what was on its way, comes from the other
 * once more. It need not all be received at once: the rest waits to be sent. */
static bool send_again(const struct tcp_end *end, const struct tcp_end *other) {
  size_t had = had_of(end, other), total = 0, sent = 0;
  send_records(end, RECORD_SOCKET_DATA, 0, -1, &total);
  send_records(other, RECORD_SOCKET_SENDING, had, -1, &total);
  if (total > ROOM_FRESH)
    make_room(other->socket, end->socket, total);
  bool good =
      send_records(end, RECORD_SOCKET_DATA, 0, other->socket, &sent) &&
      send_records(other, RECORD_SOCKET_SENDING, had, other->socket, &sent);
  if (total > ROOM_FRESH) {
    give_room_back(other->socket);
    give_room_back(end->socket);
  }
  return good;
}

int tcp_refuse(unsigned port, const char *what, struct hwckpt_error *error) {
  char object[48];
  snprintf(object, sizeof object, "TCP port %u", port);
  return hwckpt_fail(error, HWCKPT_E_TREE_FILE, errno, object,
                     "a connection inside the program: %s", what);
}

static int refuse(const struct tcp_end *end, const char *what,
                  struct hwckpt_error *error) {
  return tcp_refuse(port_of(end), what, error);
}

void tcp_shut_as_it_was(const struct tcp_end *end) {
  if (end->is.shut)
    shutdown(end->socket, SHUT_WR);
  if (end->is.receives_no_more)
    shutdown(end->socket, SHUT_RD);
}

/* One socket that is connected to itself: both ends open at once. */
static int make_with_itself(struct exchange *exchange, struct tcp_end *end,
                            struct hwckpt_error *error) {
  end->socket = tcp_connect_as(end);
  if (end->socket < 0)
    return refuse(end, "connect", error);
  if (!send_again(end, end))
    return refuse(end, "sending what was queued", error);
  tcp_shut_as_it_was(end);
  end->is_made = true;
  return exchange_give(exchange, TREE_KEY(TREE_SOCKET, end->is.inode),
                       end->socket)
             ? 0
             : refuse(end, "memory", error);
}

static int make(struct exchange *exchange, struct tcp_end *one,
                struct tcp_end *other, struct hwckpt_error *error) {
  const char *what;
  if (one == other)
    return make_with_itself(exchange, one, error);
  if (!make_either_way(one, other, &what))
    return refuse(one, what, error);
  if (!send_again(one, other) || !send_again(other, one))
    return refuse(one, "sending what was queued", error);
  tcp_shut_as_it_was(one);
  tcp_shut_as_it_was(other);
  one->is_made = other->is_made = true;
  if (!exchange_give(exchange, TREE_KEY(TREE_SOCKET, one->is.inode),
                     one->socket) ||
      !exchange_give(exchange, TREE_KEY(TREE_SOCKET, other->is.inode),
                     other->socket))
    return refuse(one, "memory", error);
  return 0;
}

int connections_make(const struct assembly_plan *plan,
                     struct exchange *exchange, struct hwckpt_error *error) {
  struct tcp_ends ends = {0};
  int failed = 0;
  for (size_t i = 0; !failed && i < plan->count; i++)
    if (!collect(&ends, &plan->parts[i]->generation))
      failed = hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree",
                           "connections");
  free_names(&ends);
  for (size_t i = 0; !failed && i < ends.count; i++) {
    struct tcp_end *one = &ends.all[i];
    struct tcp_end *other = other_of(&ends, one);
    if (one->is_made || tcp_waits(one))
      continue;
    errno = 0;
    failed = other ? make(exchange, one, other, error)
                   : refuse(one, "its other end is not recorded", error);
  }
  if (!failed)
    failed = connections_queue(plan, exchange, &ends, error);
  free(ends.all);
  return failed;
}

bool connections_any(const struct generation *generation) {
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0;
       cache_reader_record(generation->reader, i, &type, &data, &length); i++)
    if (type == RECORD_TCP_CONNECTION)
      return true;
  return false;
}
