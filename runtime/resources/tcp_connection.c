/* tcp_connection.c - TCP connections whose two ends are in the program, in one
 * process or in two of its tree, with what was received and not read.
 *
 * Who restores makes the connection, by binding and connecting as the two ends
 * did, and sends what was queued (tools/hwckpt/connections.c); here its ends
 * are taken. Bytes that the sender has but that have not arrived cannot be
 * looked at: with those a checkpoint is refused, the next has a chance. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "socket_options.h"
#include "tree.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

/* TCP_... of the kernel. */
enum { ESTABLISHED = 1, FIN_WAIT1 = 4, FIN_WAIT2 = 5, CLOSE_WAIT = 8 };

/* An acknowledgement may be delayed for 40 ms. */
#define ARRIVAL_MS 60

union name {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

struct ends {
  union name own, peer;
  uint32_t own_length, peer_length;
};

static bool ends_of(int socket, struct ends *ends) {
  memset(ends, 0, sizeof(*ends));
  ends->own_length = ends->peer_length = sizeof(ends->own);
  return SYS(getsockname, socket, &ends->own, &ends->own_length) == 0 &&
         SYS(getpeername, socket, &ends->peer, &ends->peer_length) == 0;
}

static int state_of(int socket) {
  struct tcp_info facts;
  uint32_t length = sizeof(facts);
  memset(&facts, 0, sizeof(facts));
  if (socket_number(socket, SOL_SOCKET, SO_PROTOCOL, -1) != IPPROTO_TCP ||
      SYS(getsockopt, socket, IPPROTO_TCP, TCP_INFO, &facts, &length) < 0)
    return -1;
  return facts.tcpi_state;
}

/* ---- the other end ---- */

static bool is_mapped(const union name *name) {
  return name->any.sa_family == AF_INET6 &&
         IN6_IS_ADDR_V4MAPPED(&name->six.sin6_addr);
}

static void put_address(uint32_t to[4], const union name *name) {
  if (name->any.sa_family == AF_INET)
    to[0] = name->four.sin_addr.s_addr;
  else if (is_mapped(name))
    memcpy(to, &name->six.sin6_addr.s6_addr[12], 4);
  else
    memcpy(to, &name->six.sin6_addr, 16);
}

/* Its inode, 0: it is not on this machine, or nobody has it. */
static uint32_t peer_inode(const struct ends *ends) {
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 what;
  } ask = {
      {sizeof(ask), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0},
      {.sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u},
  };
  bool four = ends->own.any.sa_family == AF_INET || is_mapped(&ends->own);
  ask.what.sdiag_family = four ? AF_INET : AF_INET6;
  /* As the other end sees it; the port is at the same place in both. */
  ask.what.id.idiag_sport = ends->peer.four.sin_port;
  ask.what.id.idiag_dport = ends->own.four.sin_port;
  put_address(ask.what.id.idiag_src, &ends->peer);
  put_address(ask.what.id.idiag_dst, &ends->own);
  ask.what.id.idiag_cookie[0] = ask.what.id.idiag_cookie[1] = ~0u;
  _Alignas(8) char answer[1024];
  uint32_t inode = 0;
  long netlink =
      SYS(socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0)
    return 0;
  if (SYS(sendto, netlink, &ask, sizeof(ask), 0, 0, 0) == (long)sizeof(ask)) {
    long length = SYS(recvfrom, netlink, answer, sizeof(answer), 0, 0, 0);
    const struct nlmsghdr *head = (const void *)answer;
    const struct inet_diag_msg *found = NLMSG_DATA(head);
    if (length >= (long)NLMSG_LENGTH(sizeof(*found)) &&
        head->nlmsg_type == SOCK_DIAG_BY_FAMILY)
      inode = found->idiag_inode;
  }
  SYS(close, netlink);
  return inode;
}

static bool is_inside(const struct resource_sink *sink,
                      const Descriptor *message, uint32_t inode) {
  for (size_t i = 0; inode && i < sink->fact_count; i++)
    if (S_ISSOCK(sink->facts[i].mode) && sink->facts[i].inode == inode)
      return true;
  return inode && tree_maker(sink, message->device, inode) >= 0;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  struct ends ends;
  int fd = borrow_socket(sink, message);
  if (fd < 0)
    return false;
  int domain = socket_number(fd, SOL_SOCKET, SO_DOMAIN, -1);
  bool is = (domain == AF_INET || domain == AF_INET6) && ends_of(fd, &ends);
  int state = is ? state_of(fd) : -1;
  SYS(close, fd);
  return (state == ESTABLISHED || state == FIN_WAIT1 || state == FIN_WAIT2 ||
          state == CLOSE_WAIT) &&
         is_inside(sink, message, peer_inode(&ends));
}

/* ---- saving ---- */

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

/* All of it is looked at in one call: the kernel keeps no place in between. */
static int put_received(struct resource_sink *sink, const Descriptor *message,
                        int socket, struct hwckpt_error *error) {
  int waiting = 0;
  int failed = 0;
  SYS(ioctl, socket, FIONREAD, &waiting);
  if (waiting <= 0)
    return 0;
  size_t length = (size_t)waiting;
  long buffer = SYS(mmap, 0, length, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer < 0)
    return refuse_to_save(error, message, buffer, "memory for what is queued");
  long got =
      SYS(recvfrom, socket, buffer, length, MSG_PEEK | MSG_DONTWAIT, 0, 0);
  if (got < 0)
    failed = refuse_to_save(error, message, got, "looking at what is queued");
  size_t room = RESOURCE_SCRATCH_FACTS - RESOURCE_SCRATCH_DATA;
  for (long done = 0; !failed && done < got;) {
    size_t part = (size_t)(got - done) < room ? (size_t)(got - done) : room;
    failed = sink->put(sink, RECORD_SOCKET_DATA, (const char *)buffer + done,
                       part, error);
    done += (long)part;
  }
  SYS(munmap, buffer, length);
  return failed;
}

static int put(struct resource_sink *sink, const Descriptor *message,
               int socket, struct hwckpt_error *error) {
  TcpConnection connection = TcpConnection_init_zero;
  struct ends ends;
  if (!ends_of(socket, &ends))
    return refuse_to_save(error, message, -ENOTCONN, "its names");
  if (!has_arrived(socket))
    return resource_unsupported(sink, error, message->path,
                                "descriptor %d: bytes that have not arrived",
                                (int)message->number);
  int state = state_of(socket);
  connection.domain = socket_number(socket, SOL_SOCKET, SO_DOMAIN, 0);
  connection.inode = message->inode;
  connection.peer_inode = peer_inode(&ends);
  connection.shut = state == FIN_WAIT1 || state == FIN_WAIT2;
  connection.address.size = (pb_size_t)ends.own_length;
  memcpy(connection.address.bytes, &ends.own, ends.own_length);
  connection.peer.size = (pb_size_t)ends.peer_length;
  memcpy(connection.peer.bytes, &ends.peer, ends.peer_length);
  int result = resource_put(sink, RECORD_TCP_CONNECTION, TcpConnection_fields,
                            &connection, error);
  if (!result)
    result = socket_options_save(sink, socket, connection.domain, SOCK_STREAM,
                                 IPPROTO_TCP, error);
  return result ? result : put_received(sink, message, socket, error);
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
