/* udp_sending.c - see udp_sending.h. Source: sock_diag(7), udp(7). */
#include "udp_sending.h"

#include "../arch/sys.h"
#include "socket_options.h"

#include <asm/ioctls.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

/* What goes to a device is there until that has sent it. */
#define SENT_MS 60

static long ask(int socket, const struct sockaddr_in6 *name) {
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 what;
  } question = {
      {sizeof(question), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0},
      {.sdiag_protocol = IPPROTO_UDP, .idiag_states = ~0u},
  };
  question.what.sdiag_family =
      (uint8_t)socket_number(socket, SOL_SOCKET, SO_DOMAIN, AF_INET);
  question.what.id.idiag_sport = name->sin6_port;
  long netlink =
      SYS(socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0)
    return netlink;
  long sent = SYS(sendto, netlink, &question, sizeof(question), 0, 0, 0);
  if (sent == (long)sizeof(question))
    return netlink;
  SYS(close, netlink);
  return -1;
}

static uint32_t shutdown_in(const struct nlmsghdr *head) {
  const struct inet_diag_msg *found = NLMSG_DATA(head);
  const struct rtattr *part = (const void *)(found + 1);
  long length =
      (long)head->nlmsg_len - (long)NLMSG_LENGTH(sizeof(struct inet_diag_msg));
  for (; RTA_OK(part, length); part = RTA_NEXT(part, length))
    if (part->rta_type == INET_DIAG_SHUTDOWN && RTA_PAYLOAD(part) >= 1)
      return *(const uint8_t *)RTA_DATA(part);
  return 0;
}

/* True: it is the last answer. */
static bool look_through(const char *answer, long length, uint64_t inode,
                         uint32_t *what) {
  const struct nlmsghdr *head = (const void *)answer;
  for (; NLMSG_OK(head, length); head = NLMSG_NEXT(head, length)) {
    if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        head->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
      return true;
    const struct inet_diag_msg *found = NLMSG_DATA(head);
    if (found->idiag_inode == inode)
      *what = shutdown_in(head);
  }
  return length != 0;
}

uint32_t udp_shutdown_of(int socket, uint64_t inode) {
  _Alignas(8) char answer[8192];
  struct sockaddr_in6 name = {.sin6_port = 0}; /* at the same place in both */
  uint32_t length = sizeof(name), what = 0;
  SYS(getsockname, socket, &name, &length);
  long netlink = name.sin6_port ? ask(socket, &name) : -1;
  if (netlink < 0)
    return 0;
  long got;
  do
    got = SYS(recvfrom, netlink, answer, sizeof(answer), 0, 0, 0);
  while (got > 0 && !look_through(answer, got, inode, &what));
  SYS(close, netlink);
  return what;
}

void udp_shut_down(int socket, uint32_t what) {
  int how = (int)what - 1; /* SHUT_RD, SHUT_WR, SHUT_RDWR */
  if (what)
    SYS(shutdown, socket, how);
}

bool udp_is_corked(int socket) {
  const struct timespec moment = {.tv_nsec = 1000000};
  for (int i = 0; i < SENT_MS; i++) {
    int left = 0;
    if (SYS(ioctl, socket, SIOCOUTQ, &left) < 0 || left <= 0)
      return false;
    SYS(nanosleep, &moment, 0);
  }
  return true;
}
