/* connections_waiting.c - TCP connections of the program that nobody has
 * accepted yet, in the order in which they were connected, and the sockets that
 * they wait in. */
#include "command.h"
#include "connections.h"
#include "exchange.h"

#include "runtime/resources/tcp_left.h"
#include "runtime/resources/tcp_shared.h"
#include "runtime/resources/tree.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The time is known to a tick of the kernel's or two; of those that were
 * connected within these it tells nothing. */
#define SAME_TIME_NS 6000000u
/* One comes into the queue at once, on the loopback interface. */
#define QUEUED_MS 1000

/* One that connections may wait in. */
struct listener {
  InternetSocket is;
  int socket;
};

struct listeners {
  struct listener *all;
  size_t count;
};

static bool add_listener(struct listeners *listeners, const void *data,
                         size_t length) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  struct listener listener = {.is = InternetSocket_init_zero, .socket = -1};
  if (!pb_decode(&stream, InternetSocket_fields, &listener.is) ||
      !listener.is.listens || !listener.is.awaited)
    return true;
  struct listener *grown = reallocarray(listeners->all, listeners->count + 1,
                                        sizeof *listeners->all);
  if (!grown)
    return false;
  listeners->all = grown;
  listeners->all[listeners->count++] = listener;
  return true;
}

static void set_option(int fd, const void *data, size_t length) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  SocketOption option = SocketOption_init_zero;
  if (!pb_decode(&stream, SocketOption_fields, &option))
    return;
  int value = option.value;
  /* The others the program's process sets, when it has the socket. */
  if ((option.level == IPPROTO_IPV6 && option.name == IPV6_V6ONLY) ||
      (option.level == SOL_SOCKET && option.name == SO_REUSEPORT) ||
      (option.level == IPPROTO_TCP && !option.wide.size))
    setsockopt(fd, option.level, option.name, &value, sizeof value);
}

/* Its options, before it is bound, are behind its own record. */
static int make_listener(const struct generation *generation, size_t record,
                         struct listener *listener, int shared,
                         struct hwckpt_error *error) {
  const InternetSocket *is = &listener->is;
  union tcp_name name = tcp_name_of(is->address.bytes, is->address.size);
  uint32_t type;
  const void *data;
  size_t length;
  int fd = tcp_make_socket(is->domain);
  while (cache_reader_record(generation->reader, ++record, &type, &data,
                             &length) &&
         type == RECORD_SOCKET_OPTION)
    set_option(fd, data, length);
  /* Its process sets it as it was. */
  if (shared)
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared);
  listener->socket = fd;
  if (fd >= 0 &&
      (!bind(fd, &name.any, is->address.size) ||
       (errno == EADDRINUSE && tcp_free_left(&name) &&
        !bind(fd, &name.any, is->address.size))) &&
      !listen(fd, (int)is->backlog))
    return 0;
  return tcp_refuse(tcp_port_of(is->address.bytes, is->address.size), "listen",
                    error);
}

static bool shares_with_any(const InternetSocket *socket,
                            const struct generation *generation) {
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0;
       cache_reader_record(generation->reader, i, &type, &data, &length); i++) {
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    InternetSocket other = InternetSocket_init_zero;
    if (type == RECORD_INTERNET_SOCKET &&
        pb_decode(&stream, InternetSocket_fields, &other) &&
        tcp_shares(socket, &other))
      return true;
  }
  return false;
}

static bool is_shared(const InternetSocket *socket,
                      const struct assembly_plan *plan) {
  for (size_t i = 0; i < plan->count; i++)
    if (shares_with_any(socket, &plan->parts[i]->generation))
      return true;
  return false;
}

static int make_listeners(struct listeners *listeners,
                          const struct assembly_plan *plan,
                          const struct generation *generation,
                          struct hwckpt_error *error) {
  uint32_t type;
  const void *data;
  size_t length;
  int failed = 0;
  for (size_t i = 0; !failed && cache_reader_record(generation->reader, i,
                                                    &type, &data, &length);
       i++) {
    size_t before = listeners->count;
    if (type != RECORD_INTERNET_SOCKET)
      continue;
    if (!add_listener(listeners, data, length))
      failed = hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree",
                           "connections");
    else if (listeners->count > before)
      failed =
          make_listener(generation, i, &listeners->all[before],
                        is_shared(&listeners->all[before].is, plan), error);
  }
  return failed;
}

static int order_by_time(const void *one, const void *other) {
  uint64_t at = ((const struct tcp_end *)one)->is.connected_ns;
  uint64_t at_other = ((const struct tcp_end *)other)->is.connected_ns;
  return (at > at_other) - (at < at_other);
}

static int order_by_inode(const void *one, const void *other) {
  uint64_t inode = ((const struct tcp_end *)one)->is.inode;
  uint64_t inode_other = ((const struct tcp_end *)other)->is.inode;
  return (inode > inode_other) - (inode < inode_other);
}

/* In the order in which they were connected: by time, and what came at the same
 * time in that in which the sockets were made, which is the best guess. */
static void put_in_order(struct tcp_ends *ends) {
  if (ends->count)
    qsort(ends->all, ends->count, sizeof *ends->all, order_by_time);
  for (size_t i = 0, end; i < ends->count; i = end) {
    for (end = i + 1;
         end < ends->count &&
         ends->all[end].is.connected_ns - ends->all[i].is.connected_ns <
             SAME_TIME_NS;
         end++) {
    }
    qsort(ends->all + i, end - i, sizeof *ends->all, order_by_inode);
  }
}

static unsigned queued_in(int listener) {
  struct tcp_info facts = {0};
  socklen_t length = sizeof facts;
  getsockopt(listener, IPPROTO_TCP, TCP_INFO, &facts, &length);
  return facts.tcpi_unacked;
}

/* So that the next comes behind it. With TCP_DEFER_ACCEPT it does not come. */
static void wait_until_queued(int listener, unsigned before) {
  const struct timespec moment = {.tv_nsec = 1000000};
  int deferred = 0;
  socklen_t length = sizeof deferred;
  getsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &deferred, &length);
  for (int i = 0; !deferred && i < QUEUED_MS && queued_in(listener) <= before;
       i++)
    nanosleep(&moment, NULL);
}

static int refuse(const struct tcp_end *end, const char *what,
                  struct hwckpt_error *error) {
  return tcp_refuse(tcp_port_of(end->is.peer.bytes, end->is.peer.size), what,
                    error);
}

static int make_waiting(struct exchange *exchange, struct tcp_end *end,
                        const struct listener *listener,
                        struct hwckpt_error *error) {
  unsigned before = queued_in(listener->socket);
  end->socket = tcp_connect_as(end);
  if (end->socket < 0)
    return refuse(end, "connect", error);
  wait_until_queued(listener->socket, before);
  tcp_shut_as_it_was(end);
  return exchange_give(exchange, TREE_KEY(TREE_SOCKET, end->is.inode),
                       end->socket)
             ? 0
             : refuse(end, "memory", error);
}

static const struct listener *listener_of(const struct listeners *listeners,
                                          const struct tcp_end *end) {
  for (size_t i = 0; i < listeners->count; i++)
    if (listeners->all[i].is.inode == end->is.listener)
      return &listeners->all[i];
  return NULL;
}

int connections_queue(const struct assembly_plan *plan,
                      struct exchange *exchange, struct tcp_ends *ends,
                      struct hwckpt_error *error) {
  struct listeners listeners = {0};
  int failed = 0;
  for (size_t i = 0; !failed && i < plan->count; i++)
    failed =
        make_listeners(&listeners, plan, &plan->parts[i]->generation, error);
  put_in_order(ends);
  for (size_t i = 0; !failed && i < ends->count; i++) {
    const struct listener *listener = listener_of(&listeners, &ends->all[i]);
    errno = 0;
    if (tcp_waits(&ends->all[i]))
      failed = listener ? make_waiting(exchange, &ends->all[i], listener, error)
                        : refuse(&ends->all[i], "nobody listens", error);
  }
  for (size_t i = 0; !failed && i < listeners.count; i++)
    if (!exchange_give(exchange,
                       TREE_KEY(TREE_SOCKET, listeners.all[i].is.inode),
                       listeners.all[i].socket))
      failed = hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree",
                           "connections");
  free(listeners.all);
  return failed;
}
