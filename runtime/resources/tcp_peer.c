/* tcp_peer.c - see tcp_peer.h. */
#include "tcp_peer.h"

#include "../arch/sys.h"
#include "../support/sock_diag.h"
#include "socket_options.h"
#include "tree.h"

#include <linux/inet_diag.h>
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

/* As the other end sees it; the port is at the same place in both families. */
static struct inet_diag_req_v2 question_of(const struct tcp_ends *ends,
                                           uint32_t states) {
  struct inet_diag_req_v2 what = {.sdiag_family = family_of(ends),
                                  .sdiag_protocol = IPPROTO_TCP,
                                  .idiag_states = states};
  what.id.idiag_sport = ends->peer.four.sin_port;
  put_address(what.id.idiag_src, &ends->peer);
  what.id.idiag_cookie[0] = what.id.idiag_cookie[1] = ~0u;
  return what;
}

static void note_peer(const struct nlmsghdr *answer, void *context) {
  const struct inet_diag_msg *found = NLMSG_DATA(answer);
  struct tcp_peer *peer = context;
  peer->inode = found->idiag_inode;
  peer->state = found->idiag_state;
  /* That no more comes counts there too. */
  peer->unread = found->idiag_rqueue -
                 (peer->state == TCP_CLOSE_WAIT && found->idiag_rqueue);
  peer->unsent = found->idiag_wqueue;
}

struct tcp_peer tcp_peer_of(const struct tcp_ends *ends) {
  _Alignas(8) char answer[1024];
  struct tcp_peer peer = {0};
  struct inet_diag_req_v2 what = question_of(ends, ~0u);
  const struct sock_diag_question question = {
      &what, sizeof(what), .all = false, .head = sizeof(struct inet_diag_msg)};
  what.id.idiag_dport = ends->own.four.sin_port;
  put_address(what.id.idiag_dst, &ends->own);
  sock_diag_ask(-1, &question, answer, sizeof(answer), note_peer, &peer);
  return peer;
}

struct asked {
  uint64_t inode;
  struct tcp_ends *ends;
  bool found;
};

static void note_asked(const struct nlmsghdr *answer, void *context) {
  const struct inet_diag_msg *found = NLMSG_DATA(answer);
  struct asked *asked = context;
  union tcp_name *peer = &asked->ends->peer;
  if (found->idiag_inode != asked->inode)
    return;
  asked->found = true;
  peer->any.sa_family = asked->ends->own.any.sa_family;
  peer->four.sin_port = found->id.idiag_dport; /* at the same place in both */
  asked->ends->peer_length = asked->ends->own_length;
  if (peer->any.sa_family == AF_INET)
    memcpy(&peer->four.sin_addr, found->id.idiag_dst, 4);
  else if (found->idiag_family == AF_INET6)
    memcpy(&peer->six.sin6_addr, found->id.idiag_dst, 16);
  else { /* IPv4, mapped */
    memset(&peer->six.sin6_addr.s6_addr[10], 0xff, 2);
    memcpy(&peer->six.sin6_addr.s6_addr[12], found->id.idiag_dst, 4);
  }
  if (found->idiag_family == AF_INET6)
    peer->six.sin6_scope_id = found->id.idiag_if;
}

bool tcp_asked_of(int socket, uint64_t inode, struct tcp_ends *ends) {
  _Alignas(8) char answers[8192];
  struct asked asked = {inode, ends, false};
  memset(ends, 0, sizeof(*ends));
  ends->own_length = sizeof(ends->own);
  if (SYS(getsockname, socket, &ends->own, &ends->own_length) < 0)
    return false;
  struct inet_diag_req_v2 what = {.sdiag_family = family_of(ends),
                                  .sdiag_protocol = IPPROTO_TCP,
                                  .idiag_states = 1u << TCP_SYN_SENT,
                                  .id.idiag_sport = ends->own.four.sin_port};
  const struct sock_diag_question question = {
      &what, sizeof(what), .all = true, .head = sizeof(struct inet_diag_msg)};
  sock_diag_ask(-1, &question, answers, sizeof(answers), note_asked, &asked);
  return asked.found;
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
                    const struct inet_diag_req_v2 *what) {
  static const uint32_t any[4], mapped_any[4] = {0, 0, 0xffff0000u, 0};
  const uint32_t *at = found->id.idiag_src, *wanted = what->id.idiag_src;
  bool six_for_four = found->idiag_family != what->sdiag_family;
  if (six_for_four && !memcmp(at, mapped_any, 12))
    return at[3] == wanted[0] ? 3 : 0;
  if (!memcmp(at, any, sizeof(any)))
    return six_for_four ? 1 : 2;
  return !six_for_four &&
                 !memcmp(at, wanted, found->idiag_family == AF_INET ? 4 : 16)
             ? 3
             : 0;
}

/* Whether it can be there, and comes into the queue at a restore. */
static bool has_room(const struct inet_diag_msg *found,
                     const struct tcp_peer *peer) {
  return peer->state == TCP_SYN_RECV
             ? found->idiag_rqueue <= found->idiag_wqueue
             : found->idiag_rqueue > 0;
}

struct search {
  const struct resource_sink *sink;
  uint64_t device;
  const struct inet_diag_req_v2 *what;
  const struct tcp_peer *peer;
  uint32_t inode; /* of the one that fits best */
  unsigned fit;
};

static void look_at(const struct nlmsghdr *answer, void *context) {
  const struct inet_diag_msg *found = NLMSG_DATA(answer);
  struct search *search = context;
  unsigned fits = fit(found, search->what);
  if (fits <= search->fit || !has_room(found, search->peer) ||
      !is_inside(search->sink, search->device, found->idiag_inode))
    return;
  search->inode = found->idiag_inode;
  search->fit = fits;
}

static void look_for_listener(struct search *search, uint8_t family) {
  _Alignas(8) char answers[8192];
  struct inet_diag_req_v2 what = *search->what;
  const struct sock_diag_question question = {
      &what, sizeof(what), .all = true, .head = sizeof(struct inet_diag_msg)};
  what.sdiag_family = family;
  sock_diag_ask(-1, &question, answers, sizeof(answers), look_at, search);
}

uint32_t tcp_waits_at(const struct resource_sink *sink, uint64_t device,
                      const struct tcp_ends *ends,
                      const struct tcp_peer *peer) {
  if (peer->inode ||
      (peer->state != TCP_ESTABLISHED && peer->state != TCP_SYN_RECV &&
       peer->state != TCP_CLOSE_WAIT))
    return 0;
  const struct inet_diag_req_v2 what = question_of(ends, 1u << TCP_LISTEN);
  struct search search = {sink, device, &what, peer, 0, 0};
  look_for_listener(&search, family_of(ends));
  if (family_of(ends) == AF_INET)
    look_for_listener(&search, AF_INET6);
  return search.inode;
}
