/* connections.c - TCP connections between processes of the program, or inside
 * one: made before the processes are, as their two ends were bound and
 * connected, with what was received and not read sent again. */
#include "assembly.h"
#include "command.h"
#include "exchange.h"

#include "runtime/resources/tree.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pb_decode.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A connection that ended keeps its names for a while: a second, where the
 * kernel may use them again. */
#define NAME_WAIT_MS 5000

struct end {
  TcpConnection is;
  const struct generation *generation;
  size_t record; /* of its TcpConnection */
  int socket;
  bool is_made;
};

struct ends {
  struct end *all;
  size_t count, room;
};

union name {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  char bytes[28];
};

static bool decode(const void *data, size_t length, TcpConnection *is) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  *is = (TcpConnection)TcpConnection_init_zero;
  return pb_decode(&stream, TcpConnection_fields, is);
}

static bool add(struct ends *ends, const struct end *end) {
  if (ends->count == ends->room) {
    size_t room = ends->room * 2 + 16;
    struct end *grown = reallocarray(ends->all, room, sizeof *grown);
    if (!grown)
      return false;
    ends->all = grown;
    ends->room = room;
  }
  ends->all[ends->count++] = *end;
  return true;
}

static bool collect(struct ends *ends, const struct generation *generation) {
  uint32_t type;
  const void *data;
  size_t length;
  struct end end = {.generation = generation, .socket = -1};
  for (; cache_reader_record(generation->reader, end.record, &type, &data,
                             &length);
       end.record++)
    if (type == RECORD_TCP_CONNECTION && decode(data, length, &end.is) &&
        !add(ends, &end))
      return false;
  return true;
}

static struct end *other_of(const struct ends *ends, const struct end *end) {
  for (size_t i = 0; i < ends->count; i++)
    if (ends->all[i].is.inode == end->is.peer_inode &&
        ends->all[i].is.peer_inode == end->is.inode)
      return &ends->all[i];
  return NULL;
}

static union name name_of(const void *bytes, size_t size) {
  union name name = {0};
  memcpy(&name, bytes, size < sizeof name ? size : sizeof name);
  return name;
}

static unsigned port_of(const struct end *end) {
  union name name = name_of(end->is.address.bytes, end->is.address.size);
  return ntohs(name.four.sin_port); /* at the same place in both families */
}

static int make_socket(const struct end *end) {
  int yes = 1;
  int fd = socket(end->is.domain, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd >= 0)
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return fd;
}

static bool bind_as(int fd, const struct end *end) {
  union name name = name_of(end->is.address.bytes, end->is.address.size);
  return !bind(fd, &name.any, end->is.address.size);
}

/* What the killed program left there for a minute (TIME_WAIT) is passed over,
 * where that is allowed (TCP_REPAIR: CAP_NET_ADMIN). */
static bool bind_as_caller(int fd, const struct end *end) {
  int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF, yes = 1;
  if (bind_as(fd, end))
    return true;
  if (errno != EADDRINUSE ||
      setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on))
    return false;
  bool bound = bind_as(fd, end);
  int number = errno;
  /* The kernel forgets with it that the name may be used again. */
  setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof off);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  errno = number;
  return bound;
}

/* As soon as the names are free. */
static int connect_as(const struct end *end) {
  union name peer = name_of(end->is.peer.bytes, end->is.peer.size);
  const struct timespec moment = {.tv_nsec = 20000000};
  for (int waited = 0;; waited += 20) {
    int fd = make_socket(end);
    if (fd < 0)
      return -1;
    if (bind_as_caller(fd, end) && !connect(fd, &peer.any, end->is.peer.size))
      return fd;
    int number = errno;
    close(fd);
    errno = number;
    if ((number != EADDRNOTAVAIL && number != EADDRINUSE) ||
        waited >= NAME_WAIT_MS)
      return -1;
    nanosleep(&moment, NULL);
  }
}

static bool make_pair(struct end *called, struct end *caller,
                      const char **what) {
  int listener = make_socket(called);
  *what = "bind";
  bool good =
      listener >= 0 && bind_as(listener, called) && !listen(listener, 1);
  if (good) {
    *what = "connect";
    caller->socket = connect_as(caller);
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
static bool make_either_way(struct end *one, struct end *other,
                            const char **what) {
  bool is_called = port_of(one) <= port_of(other);
  struct end *called = is_called ? one : other;
  struct end *caller = is_called ? other : one;
  if (make_pair(called, caller, what))
    return true;
  if (errno != EADDRINUSE || caller->socket >= 0)
    return false;
  return make_pair(caller, called, what);
}

/* What was received at `end` comes from the other once more. It need not all be
 * received at once: the rest waits to be sent. */
static bool send_received(const struct end *end, int from) {
  uint32_t type;
  const void *data;
  size_t length, at = end->record;
  while (cache_reader_record(end->generation->reader, ++at, &type, &data,
                             &length) &&
         (type == RECORD_SOCKET_DATA || type == RECORD_SOCKET_OPTION)) {
    const char *bytes = data;
    for (size_t done = 0; type == RECORD_SOCKET_DATA && done < length;) {
      ssize_t sent =
          send(from, bytes + done, length - done, MSG_DONTWAIT | MSG_NOSIGNAL);
      struct pollfd look = {.fd = from, .events = POLLOUT};
      if (sent < 0 && (errno != EAGAIN || poll(&look, 1, 1000) != 1))
        return false;
      if (sent > 0)
        done += (size_t)sent;
    }
  }
  return true;
}

static int refuse(const struct end *end, const char *what,
                  struct hwckpt_error *error) {
  char object[48];
  snprintf(object, sizeof object, "TCP port %u", port_of(end));
  return hwckpt_fail(error, HWCKPT_E_TREE_FILE, errno, object,
                     "a connection inside the program: %s", what);
}

static int make(struct exchange *exchange, struct end *one, struct end *other,
                struct hwckpt_error *error) {
  const char *what;
  if (!make_either_way(one, other, &what))
    return refuse(one, what, error);
  if (!send_received(one, other->socket) || !send_received(other, one->socket))
    return refuse(one, "sending what was queued", error);
  if (one->is.shut)
    shutdown(one->socket, SHUT_WR);
  if (other->is.shut)
    shutdown(other->socket, SHUT_WR);
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
  struct ends ends = {0};
  int failed = 0;
  for (size_t i = 0; !failed && i < plan->count; i++)
    if (!collect(&ends, &plan->parts[i]->generation))
      failed = hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree",
                           "connections");
  for (size_t i = 0; !failed && i < ends.count; i++) {
    struct end *one = &ends.all[i];
    struct end *other = other_of(&ends, one);
    if (one->is_made)
      continue;
    errno = 0;
    failed = other && other != one
                 ? make(exchange, one, other, error)
                 : refuse(one, "its other end is not recorded", error);
  }
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
