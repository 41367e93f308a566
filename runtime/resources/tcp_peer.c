/* tcp_peer.c - see tcp_peer.h. */
#include "tcp_peer.h"

#include "../arch/sys.h"
#include "socket_options.h"
#include "tree.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>

int tcp_state_of(int socket) {
  struct tcp_info facts;
  uint32_t length = sizeof(facts);
  memset(&facts, 0, sizeof(facts));
  if (socket_number(socket, SOL_SOCKET, SO_PROTOCOL, -1) != IPPROTO_TCP ||
      SYS(getsockopt, socket, IPPROTO_TCP, TCP_INFO, &facts, &length) < 0)
    return 0;
  return facts.tcpi_state;
}

bool tcp_ends_of(int socket, struct tcp_ends *ends) {
  memset(ends, 0, sizeof(*ends));
  ends->own_length = ends->peer_length = sizeof(ends->own);
  return SYS(getsockname, socket, &ends->own, &ends->own_length) == 0 &&
         SYS(getpeername, socket, &ends->peer, &ends->peer_length) == 0;
}

/* ---- asking ---- */

static bool is_mapped(const union tcp_name *name) {
  return name->any.sa_family == AF_INET6 &&
         IN6_IS_ADDR_V4MAPPED(&name->six.sin6_addr);
}

static void put_address(uint32_t to[4], const union tcp_name *name) {
  if (name->any.sa_family == AF_INET)
    to[0] = name->four.sin_addr.s_addr;
  else if (is_mapped(name))
    memcpy(to, &name->six.sin6_addr.s6_addr[12], 4);
  else
    memcpy(to, &name->six.sin6_addr, 16);
}

static uint8_t family_of(const struct tcp_ends *ends) {
  bool four = ends->own.any.sa_family == AF_INET || is_mapped(&ends->own);
  return four ? AF_INET : AF_INET6;
}

struct question {
  struct nlmsghdr head;
  struct inet_diag_req_v2 what;
};

/* As the other end sees it; the port is at the same place in both families. */
static struct question question_of(const struct tcp_ends *ends,
                                   uint32_t states) {
  struct question ask = {
      {sizeof(ask), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0},
      {.sdiag_protocol = IPPROTO_TCP, .idiag_states = states},
  };
  ask.what.sdiag_family = family_of(ends);
  ask.what.id.idiag_sport = ends->peer.four.sin_port;
  put_address(ask.what.id.idiag_src, &ends->peer);
  ask.what.id.idiag_cookie[0] = ask.what.id.idiag_cookie[1] = ~0u;
  return ask;
}

/* A socket to read the answer from, or a negative errno. */
static long ask_kernel(const struct question *ask) {
  long netlink =
      SYS(socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0)
    return netlink;
  long sent = SYS(sendto, netlink, ask, sizeof(*ask), 0, 0, 0);
  if (sent == (long)sizeof(*ask))
    return netlink;
  SYS(close, netlink);
  return sent < 0 ? sent : -1;
}

static const struct inet_diag_msg *found_in(const struct nlmsghdr *head) {
  return head->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
                 head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))
             ? NLMSG_DATA(head)
             : 0;
}

struct tcp_peer tcp_peer_of(const struct tcp_ends *ends) {
  struct tcp_peer peer = {0};
  struct question ask = question_of(ends, ~0u);
  ask.what.id.idiag_dport = ends->own.four.sin_port;
  put_address(ask.what.id.idiag_dst, &ends->own);
  _Alignas(8) char answer[1024];
  long netlink = ask_kernel(&ask);
  if (netlink < 0)
    return peer;
  long length = SYS(recvfrom, netlink, answer, sizeof(answer), 0, 0, 0);
  const struct nlmsghdr *head = (const void *)answer;
  const struct inet_diag_msg *found =
      NLMSG_OK(head, length) ? found_in(head) : 0;
  if (found) {
    peer.inode = found->idiag_inode;
    peer.state = found->idiag_state;
    /* That no more comes counts there too. */
    peer.unread = found->idiag_rqueue -
                  (peer.state == TCP_CLOSE_WAIT && found->idiag_rqueue);
    peer.unsent = found->idiag_wqueue;
  }
  SYS(close, netlink);
  return peer;
}

/* ---- who listens ---- */

static bool is_inside(const struct resource_sink *sink, uint64_t device,
                      uint32_t inode) {
  size_t count;
  for (size_t i = 0; i < sink->fact_count; i++)
    if (S_ISSOCK(sink->facts[i].mode) && sink->facts[i].inode == inode)
      return sink->facts[i].number > 2;
  const struct tree_fact *rows = tree_rows(sink, device, inode, &count);
  return count && rows->number > 2;
}

/* How well one that listens fits the other end's address: 0, not at all. */
static unsigned fit(const struct inet_diag_msg *found,
                    const struct question *ask) {
  static const uint32_t any[4], mapped_any[4] = {0, 0, 0xffff0000u, 0};
  const uint32_t *at = found->id.idiag_src, *wanted = ask->what.id.idiag_src;
  bool six_for_four = found->idiag_family != ask->what.sdiag_family;
  if (six_for_four && !memcmp(at, mapped_any, 12))
    return at[3] == wanted[0] ? 3 : 0;
  if (!memcmp(at, any, sizeof(any)))
    return six_for_four ? 1 : 2;
  return !six_for_four &&
                 !memcmp(at, wanted, found->idiag_family == AF_INET ? 4 : 16)
             ? 3
             : 0;
}

struct best {
  uint32_t inode;
  unsigned fit;
};

/* Whether it can be there, and comes into the queue at a restore. */
static bool has_room(const struct inet_diag_msg *found,
                     const struct tcp_peer *peer) {
  return peer->state == TCP_SYN_RECV
             ? found->idiag_rqueue <= found->idiag_wqueue
             : found->idiag_rqueue > 0;
}

static bool look_through(const struct resource_sink *sink, uint64_t device,
                         const struct question *ask,
                         const struct tcp_peer *peer, const char *answer,
                         long length, struct best *best) {
  const struct nlmsghdr *head = (const void *)answer;
  for (; NLMSG_OK(head, length); head = NLMSG_NEXT(head, length)) {
    const struct inet_diag_msg *found = found_in(head);
    if (!found)
      return false;
    unsigned fits = fit(found, ask);
    if (fits > best->fit && has_room(found, peer) &&
        is_inside(sink, device, found->idiag_inode))
      *best = (struct best){found->idiag_inode, fits};
  }
  return length == 0;
}

static void look_for_listener(const struct resource_sink *sink, uint64_t device,
                              const struct question *ask, uint8_t family,
                              const struct tcp_peer *peer, struct best *best) {
  _Alignas(8) char answer[8192];
  struct question all = *ask;
  all.head.nlmsg_flags |= NLM_F_DUMP;
  all.what.sdiag_family = family;
  long netlink = ask_kernel(&all);
  if (netlink < 0)
    return;
  long length;
  do
    length = SYS(recvfrom, netlink, answer, sizeof(answer), 0, 0, 0);
  while (length > 0 &&
         look_through(sink, device, ask, peer, answer, length, best));
  SYS(close, netlink);
}

uint32_t tcp_waits_at(const struct resource_sink *sink, uint64_t device,
                      const struct tcp_ends *ends,
                      const struct tcp_peer *peer) {
  struct best best = {0};
  if (peer->inode ||
      (peer->state != TCP_ESTABLISHED && peer->state != TCP_SYN_RECV &&
       peer->state != TCP_CLOSE_WAIT))
    return 0;
  struct question ask = question_of(ends, 1u << TCP_LISTEN);
  look_for_listener(sink, device, &ask, family_of(ends), peer, &best);
  if (family_of(ends) == AF_INET)
    look_for_listener(sink, device, &ask, AF_INET6, peer, &best);
  return best.inode;
}
