/* unix_relation.c - see unix_relation.h. */
#include "unix_relation.h"

#include "../arch/sys.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void read_answer(const char *answer, long length,
                        struct unix_relation *relation) {
  const struct nlmsghdr *head = (const void *)answer;
  size_t at = NLMSG_LENGTH(sizeof(struct unix_diag_msg));
  if (length < (long)at || head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
    return;
  const struct unix_diag_msg *found = NLMSG_DATA(head);
  relation->state = found->udiag_state;
  relation->type = found->udiag_type;
  while (at + sizeof(struct rtattr) <= (size_t)length) {
    const struct rtattr *attribute = (const void *)(answer + at);
    const void *value = answer + at + RTA_LENGTH(0);
    if (attribute->rta_len < RTA_LENGTH(0))
      return;
    if (attribute->rta_type == UNIX_DIAG_PEER)
      memcpy(&relation->peer, value, sizeof(relation->peer));
    else if (attribute->rta_type == UNIX_DIAG_SHUTDOWN)
      memcpy(&relation->shutdown, value, sizeof(relation->shutdown));
    else if (attribute->rta_type == UNIX_DIAG_NAME)
      relation->named = true;
    else if (attribute->rta_type == UNIX_DIAG_RQLEN)
      memcpy(&relation->queues, value, sizeof(relation->queues));
    at += RTA_ALIGN(attribute->rta_len);
  }
}

struct unix_relation unix_relation_of(uint64_t inode) {
  struct {
    struct nlmsghdr head;
    struct unix_diag_req what;
  } ask = {
      {sizeof(ask), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0},
      {.sdiag_family = AF_UNIX,
       .udiag_states = ~0u,
       .udiag_ino = (uint32_t)inode,
       .udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN,
       .udiag_cookie = {~0u, ~0u}},
  };
  _Alignas(8) char answer[1024];
  struct unix_relation relation = {0};
  long netlink =
      SYS(socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0)
    return relation;
  if (SYS(sendto, netlink, &ask, sizeof(ask), 0, 0, 0) == (long)sizeof(ask)) {
    long length = SYS(recvfrom, netlink, answer, sizeof(answer), 0, 0, 0);
    read_answer(answer, length, &relation);
  }
  SYS(close, netlink);
  return relation;
}

int unix_number_of(const struct resource_sink *sink, uint32_t inode) {
  for (size_t i = 0; inode && i < sink->fact_count; i++)
    if (S_ISSOCK(sink->facts[i].mode) && sink->facts[i].inode == inode)
      return sink->facts[i].number;
  return -1;
}
