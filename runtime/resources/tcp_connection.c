/* tcp_connection.c - TCP connections whose two ends are in the program, in one
 * process or in two of its tree, or are one socket, with what was received and
 * not read, and what was sent and had not arrived.
 *
 * Who restores makes the connection, by binding and connecting as the two ends
 * did, and sends what was queued (tools/hwckpt/connections.c); here its ends
 * are taken. One that waits to be accepted has one end; it is connected to the
 * socket that listens, and waits there. Bytes for who has not accepted the
 * connection yet cannot be looked at, and those that have not arrived only with
 * CAP_NET_ADMIN (tcp_sending.h). Without, the receiver is given room for them
 * (tcp_room.h), and they arrive; it is not read from to have them, for what was
 * read could not be put back before what has not come yet, and what is sent
 * again takes more room than it had. Where that is not to be had the checkpoint
 * is refused, the next has a chance. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"
#include "tcp_content.h"
#include "tcp_peer.h"
#include "tcp_room.h"
#include "tcp_sending.h"
#include "tree.h"

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

/* An acknowledgement may be delayed for 40 ms. */
#define ARRIVAL_MS 60
/* Another process makes room when it gets to that. */
#define ELSEWHERE_MS 250
#define SETTLE_TURNS 20

/* Whether this end sends no more, as far as that is not over. */
static bool is_shut(int state) {
  return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
         state == TCP_CLOSING || state == TCP_LAST_ACK;
}

/* By shutdown(); that the other end has ended it looks the same, in other
 * states. */
static bool receives_no_more(int socket) {
  struct pollfd look = {socket, POLLRDHUP, 0};
  int state = tcp_state_of(socket);
  SYS(poll, &look, 1, 0);
  return look.revents & POLLRDHUP &&
         (state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 ||
          state == TCP_FIN_WAIT2);
}

static bool is_inside(const struct resource_sink *sink, uint64_t device,
                      uint32_t inode) {
  for (size_t i = 0; inode && i < sink->fact_count; i++)
    if (S_ISSOCK(sink->facts[i].mode) && sink->facts[i].inode == inode)
      return true;
  return inode && tree_maker(sink, device, inode) >= 0;
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
  int state = is ? tcp_state_of(fd) : 0;
  SYS(close, fd);
  if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT && !is_shut(state))
    return false;
  struct tcp_peer peer = tcp_peer_of(&ends);
  return is_inside(sink, message->device, peer.inode) ||
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

static bool has_arrived(int socket) {
  int left = 0;
  return SYS(ioctl, socket, SIOCOUTQ, &left) < 0 || left <= 0;
}

static uint32_t unsent_to(int socket) {
  struct tcp_ends ends;
  return tcp_ends_of(socket, &ends) ? tcp_peer_of(&ends).unsent : 0;
}

static bool has_all(int socket) { return !unsent_to(socket); }

static bool comes_true(bool (*is)(int socket), int socket, int most_ms) {
  const struct timespec moment = {.tv_nsec = 1000000};
  for (int i = 0; i < most_ms; i++) {
    if (is(socket))
      return true;
    SYS(nanosleep, &moment, 0);
  }
  return is(socket);
}

/* An acknowledgement that is due goes out at once. */
static void acknowledge(int socket) {
  int before = socket_number(socket, IPPROTO_TCP, TCP_QUICKACK, 1), now = 1;
  SYS(setsockopt, socket, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof(now));
  if (!before)
    SYS(setsockopt, socket, IPPROTO_TCP, TCP_QUICKACK, &before, sizeof(before));
}

static int not_arrived(struct resource_sink *sink, const Descriptor *message,
                       struct hwckpt_error *error) {
  return resource_unsupported(
      sink, error, message->path,
      "descriptor %d: bytes that have not arrived, without CAP_NET_ADMIN",
      (int)message->number);
}

/* Until nothing comes any more, as far as that is up to this end. */
static void settle(int socket) {
  const struct timespec moment = {.tv_nsec = 500000};
  int before = -1, unread = 0;
  for (int i = 0; i < SETTLE_TURNS && unread != before; i++) {
    before = unread;
    acknowledge(socket);
    SYS(nanosleep, &moment, 0);
    SYS(ioctl, socket, FIONREAD, &unread);
  }
}

/* As much as comes at once. */
static bool comes_in(int receiver) {
  uint32_t before, left = unsent_to(receiver);
  do {
    before = left;
    tcp_content_glance(receiver);
    acknowledge(receiver);
    left = unsent_to(receiver);
  } while (left && left < before);
  return !left;
}

/* Where each byte that comes is told by a signal, none is made to come. */
static void make_come(const struct resource_sink *sink, int receiver,
                      uint64_t device) {
  int unread = 0;
  struct tcp_ends ends;
  if (!tcp_state_of(receiver) || !tcp_ends_of(receiver, &ends) ||
      SYS(fcntl, receiver, F_GETFL) & O_ASYNC)
    return;
  struct tcp_peer peer = tcp_peer_of(&ends);
  if (!peer.unsent || !is_inside(sink, device, peer.inode) ||
      SYS(ioctl, receiver, FIONREAD, &unread) < 0 ||
      !tcp_room_make(receiver, (size_t)unread + peer.unsent))
    return;
  comes_in(receiver);
}

/* At all receivers here at once: senders of other processes wait for that, and
 * acknowledgements are late together. */
static LIVE bool have_come;

static void make_all_come(const struct resource_sink *sink) {
  for (size_t i = 0; !have_come && i < sink->fact_count; i++) {
    if (!S_ISSOCK(sink->facts[i].mode))
      continue;
    long socket = borrow_number(sink, sink->facts[i].number);
    if (socket < 0)
      continue;
    make_come(sink, (int)socket, sink->facts[i].device);
    SYS(close, socket);
  }
  have_come = true;
}

static void let_go(void) {
  tcp_sending_let_go();
  have_come = false;
}

/* What this end has not received or the other not acknowledged; whichever of
 * the two is looked at first. */
static int look_at_sending(struct resource_sink *sink,
                           const Descriptor *message, int socket,
                           const struct tcp_peer *peer, TcpSending *facts,
                           struct tcp_sending *sending,
                           struct hwckpt_error *error) {
  if (peer->unsent) {
    settle(socket);
    bool all = has_all(socket);
    facts->counted = !all && tcp_sending_hold(socket, &facts->arrived_to);
    if (!all && !facts->counted) {
      make_all_come(sink);
      if (!comes_true(comes_in, socket, ARRIVAL_MS))
        return not_arrived(sink, message, error);
    }
  }
  if (!has_arrived(socket) && tcp_sending_look(socket, sending) < 0) {
    make_all_come(sink);
    if (!comes_true(has_arrived, socket, ELSEWHERE_MS))
      return not_arrived(sink, message, error);
  }
  facts->from = sending->from;
  return 0;
}

static int put_content(struct resource_sink *sink, const Descriptor *message,
                       int socket, const struct tcp_peer *peer,
                       struct hwckpt_error *error) {
  TcpSending facts = TcpSending_init_zero;
  struct tcp_sending sending = {0};
  int result = 0;
  if (peer->inode)
    result =
        look_at_sending(sink, message, socket, peer, &facts, &sending, error);
  if (!result && (facts.counted || sending.mapped))
    result = resource_put(sink, RECORD_TCP_SENDING, TcpSending_fields, &facts,
                          error);
  if (!result)
    result = tcp_content_put(sink, message, socket, error);
  if (!result)
    result = tcp_sending_put(sink, &sending, error);
  tcp_sending_forget(&sending);
  return result;
}

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  TcpConnection connection = TcpConnection_init_zero;
  struct tcp_ends ends;
  int result = 0;
  if (!tcp_ends_of(socket, &ends))
    return refuse_to_save(error, message, -ENOTCONN, "its names");
  struct tcp_peer peer = tcp_peer_of(&ends);
  if (!is_inside(sink, message->device, peer.inode)) {
    if (!comes_true(has_arrived, socket, ARRIVAL_MS))
      result = not_arrived(sink, message, error);
    if (result)
      return result;
    peer = tcp_peer_of(&ends);
    if (peer.unread)
      return resource_unsupported(
          sink, error, message->path,
          "descriptor %d: bytes for who has not accepted the connection yet",
          (int)message->number);
    connection.listener = tcp_waits_at(sink, message->device, &ends, &peer);
    connection.connected_ns = connected_at(socket);
  }
  connection.domain = socket_number(socket, SOL_SOCKET, SO_DOMAIN, 0);
  connection.inode = message->inode;
  connection.peer_inode = peer.inode;
  connection.shut = is_shut(tcp_state_of(socket));
  connection.receives_no_more = receives_no_more(socket);
  connection.address.size = (pb_size_t)ends.own_length;
  memcpy(connection.address.bytes, &ends.own, ends.own_length);
  connection.peer.size = (pb_size_t)ends.peer_length;
  memcpy(connection.peer.bytes, &ends.peer, ends.peer_length);
  result = resource_put(sink, RECORD_TCP_CONNECTION, TcpConnection_fields,
                        &connection, error);
  if (!result)
    result = socket_options_save(sink, message, socket, connection.domain,
                                 SOCK_STREAM, IPPROTO_TCP, error);
  return result ? result : put_content(sink, message, socket, &peer, error);
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
    .let_go = let_go,
    .open = make,
    .takes = takes,
    .check = check,
};
