/* sock_diag.c - see sock_diag.h. Source: sock_diag(7), netlink(7). */
#include "sock_diag.h"

#include "../arch/sys.h"

#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#define WHAT_MOST 64u /* every request */

long sock_diag_open(void) {
  return SYS(socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

static bool send_question(int netlink,
                          const struct sock_diag_question *question) {
  struct {
    struct nlmsghdr head;
    char what[WHAT_MOST];
  } message = {.head = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(question->length),
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST}};
  if (question->length > WHAT_MOST)
    return false;
  memcpy(message.what, question->what, question->length);
  if (question->all)
    message.head.nlmsg_flags |= NLM_F_DUMP;
  return SYS(sendto, netlink, &message, message.head.nlmsg_len, 0, 0, 0) ==
         (long)message.head.nlmsg_len;
}

/* One datagram; false: it was the last. */
static bool hear(const char *answers, long length,
                 const struct sock_diag_question *question,
                 sock_diag_heard *heard, void *context) {
  const struct nlmsghdr *answer = (const void *)answers;
  for (; NLMSG_OK(answer, length); answer = NLMSG_NEXT(answer, length)) {
    if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        answer->nlmsg_len < NLMSG_LENGTH(question->head))
      return false;
    heard(answer, context);
  }
  return question->all;
}

void sock_diag_ask(int netlink, const struct sock_diag_question *question,
                   void *buffer, size_t room, sock_diag_heard *heard,
                   void *context) {
  long asked = netlink < 0 ? sock_diag_open() : netlink, length;
  if (asked < 0)
    return;
  if (send_question((int)asked, question)) {
    do
      length = SYS(recvfrom, asked, buffer, room, 0, 0, 0);
    while (length > 0 && hear(buffer, length, question, heard, context));
  }
  if (netlink < 0)
    SYS(close, asked);
}

const void *sock_diag_find(const struct nlmsghdr *answer, size_t head,
                           uint16_t type, size_t *length) {
  const struct rtattr *part =
      (const void *)((const char *)NLMSG_DATA(answer) + NLMSG_ALIGN(head));
  long left = (long)answer->nlmsg_len - (long)NLMSG_SPACE(head);
  for (; RTA_OK(part, left); part = RTA_NEXT(part, left))
    if (part->rta_type == type) {
      *length = RTA_PAYLOAD(part);
      return RTA_DATA(part);
    }
  return 0;
}
