/* sock_diag.h - what the kernel tells of sockets by sock_diag(7). */
#ifndef HWCKPT_SUPPORT_SOCK_DIAG_H
#define HWCKPT_SUPPORT_SOCK_DIAG_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sock_diag_question {
  const void *what; /* struct unix_diag_req, inet_diag_req_v2 */
  size_t length;
  bool all;    /* of many sockets (NLM_F_DUMP), not of one */
  size_t head; /* what an answer begins with: struct ..._diag_msg */
};

/* One socket of the answer. */
typedef void sock_diag_heard(const struct nlmsghdr *answer, void *context);

/* A socket to ask by, or a negative errno. */
long sock_diag_open(void);
/* Tells `heard` what is answered. By this socket, -1: one for this question
 * alone. Of many sockets the buffer, aligned to 8, holds some at a time. */
void sock_diag_ask(int netlink, const struct sock_diag_question *question,
                   void *buffer, size_t room, sock_diag_heard *heard,
                   void *context);

/* What of this type is behind an answer's head of so many bytes, with its
 * length; null: nothing. */
const void *sock_diag_find(const struct nlmsghdr *answer, size_t head,
                           uint16_t type, size_t *length);

#endif
