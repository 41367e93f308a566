/* tcp_connection.c - TCP connections whose two ends are in the program, in one
 * process or in two of its tree, with what was received and not read.
 *
 * Who restores makes the connection, by binding and connecting as the two ends
 * did, and sends what was queued (tools/hwckpt/connections.c); here its ends
 * are taken. One that waits to be accepted has one end; it is connected to the
 * socket that listens, and waits there. Bytes that the sender has but that have
 * not arrived, or that nobody has accepted yet, cannot be looked at: with those
 * a checkpoint is refused, the next has a chance. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"
#include "tcp_content.h"
#include "tcp_peer.h"
#include "tree.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

/* TCP_... of the kernel. */
enum { ESTABLISHED = 1, FIN_WAIT1 = 4, FIN_WAIT2 = 5, CLOSE_WAIT = 8 };

/* An acknowledgement may be delayed for 40 ms. */
#define ARRIVAL_MS 60

static int state_of(int socket) {
  struct tcp_info facts;
  uint32_t length = sizeof(facts);
  memset(&facts, 0, sizeof(facts));
  if (socket_number(socket, SOL_SOCKET, SO_PROTOCOL, -1) != IPPROTO_TCP ||
      SYS(getsockopt, socket, IPPROTO_TCP, TCP_INFO, &facts, &length) < 0)
    return -1;
  return facts.tcpi_state;
}

static bool is_inside(const struct resource_sink *sink,
                      const Descriptor *message, uint32_t inode) {
  for (size_t i = 0; inode && i < sink->fact_count; i++)
    if (S_ISSOCK(sink->facts[i].mode) && sink->facts[i].inode == inode)
      return true;
  return inode && tree_maker(sink, message->device, inode) >= 0;
}

/* With bytes in it, one that waits is left to be reset where that is what the
 * user wants. */
static bool waits_inside(const struct resource_sink *sink,
                         const Descriptor *message, const struct tcp_ends *ends,
                         const struct tcp_peer *peer) {
  return !(sink->go_on && peer->unread) &&
         tcp_waits_at(sink, message->device, ends, peer);
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  struct tcp_ends ends;
  int fd = borrow_socket(sink, message);
  if (fd < 0)
    return false;
  int domain = socket_number(fd, SOL_SOCKET, SO_DOMAIN, -1);
  bool is = (domain == AF_INET || domain == AF_INET6) && tcp_ends_of(fd, &ends);
  int state = is ? state_of(fd) : -1;
  SYS(close, fd);
  if (state != ESTABLISHED && state != FIN_WAIT1 && state != FIN_WAIT2 &&
      state != CLOSE_WAIT)
    return false;
  struct tcp_peer peer = tcp_peer_of(&ends);
  return is_inside(sink, message, peer.inode) ||
         waits_inside(sink, message, &ends, &peer);
}

/* ---- saving ---- */

/* When it was connected: nothing was received since by one that waits to be
 * accepted. By a clock that advances with the kernel's count. */
static uint64_t connected_at(int socket) {
  struct tcp_info facts;
  struct timespec now;
  uint32_t length = sizeof(facts);
  memset(&facts, 0, sizeof(facts));
  SYS(clock_gettime, CLOCK_MONOTONIC_COARSE, &now);
  SYS(getsockopt, socket, IPPROTO_TCP, TCP_INFO, &facts, &length);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec -
         facts.tcpi_last_data_recv * 1000000ull;
}

/* Whether all that was sent has arrived. */
static bool has_arrived(int socket) {
  const struct timespec moment = {.tv_nsec = 1000000};
  for (int i = 0; i < ARRIVAL_MS; i++) {
    int left = 0;
    if (SYS(ioctl, socket, SIOCOUTQ, &left) < 0 || left <= 0)
      return true;
    SYS(nanosleep, &moment, 0);
  }
  return false;
}

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  TcpConnection connection = TcpConnection_init_zero;
  struct tcp_ends ends;
  if (!tcp_ends_of(socket, &ends))
    return refuse_to_save(error, message, -ENOTCONN, "its names");
  if (!has_arrived(socket))
    return resource_unsupported(sink, error, message->path,
                                "descriptor %d: bytes that have not arrived",
                                (int)message->number);
  struct tcp_peer peer = tcp_peer_of(&ends);
  if (!is_inside(sink, message, peer.inode)) {
    if (peer.unread)
      return resource_unsupported(
          sink, error, message->path,
          "descriptor %d: bytes for who has not accepted the connection yet",
          (int)message->number);
    connection.listener = tcp_waits_at(sink, message->device, &ends, &peer);
    connection.connected_ns = connected_at(socket);
  }
  int state = state_of(socket);
  connection.domain = socket_number(socket, SOL_SOCKET, SO_DOMAIN, 0);
  connection.inode = message->inode;
  connection.peer_inode = peer.inode;
  connection.shut = state == FIN_WAIT1 || state == FIN_WAIT2;
  connection.address.size = (pb_size_t)ends.own_length;
  memcpy(connection.address.bytes, &ends.own, ends.own_length);
  connection.peer.size = (pb_size_t)ends.peer_length;
  memcpy(connection.peer.bytes, &ends.peer, ends.peer_length);
  int result = resource_put(sink, RECORD_TCP_CONNECTION, TcpConnection_fields,
                            &connection, error);
  if (!result)
    result = socket_options_save(sink, message, socket, connection.domain,
                                 SOCK_STREAM, IPPROTO_TCP, error);
  return result ? result : tcp_content_put(sink, message, socket, error);
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  return borrow_and_put(sink, message, put, error);
}

/* ---- restoring ---- */

static bool takes(const struct resource_source *source,
                  const Descriptor *message) {
  (void)message;
  return source->take != 0;
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  TcpConnection connection;
  int yes = 1;
  int failed = resource_get_own(source, RECORD_TCP_CONNECTION,
                                TcpConnection_fields, &connection, error);
  if (failed)
    return failed;
  int fd = tree_receive(source, TREE_SOCKET, connection.inode, message, error);
  if (fd < 0)
    return fd;
  socket_options_restore(source, fd);
  /* Or a socket that is to listen could not have the port. */
  SYS(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  SYS(fcntl, fd, F_SETFL, message->flags);
  return fd;
}

/* What was on its way between the two is not known any more. */
static int check(struct resource_source *source, const Descriptor *message,
                 int descriptor, struct hwckpt_error *error) {
  (void)source;
  (void)descriptor;
  return hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, message->path,
                     "descriptor %d: a TCP connection", (int)message->number);
}

const struct descriptor_kind hwckpt_descriptor_tcp_connection = {
    .name = "TCP connection",
    .kind = DescriptorKind_DESCRIPTOR_TCP_CONNECTION,
    .recognise = recognise,
    .save = save,
    .open = make,
    .takes = takes,
    .check = check,
};
