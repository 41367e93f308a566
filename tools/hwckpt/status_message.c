/* status_message.c - see status_message.h. */
#include "status_message.h"

#include <string.h>
#include <sys/socket.h>

ssize_t status_receive(int fd, struct restore_status *status, int *descriptor) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec content = {status, sizeof *status};
  struct msghdr message = {.msg_iov = &content,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  hwckpt_error_end(&status->error);
  const struct cmsghdr *header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  *descriptor = -1;
  if (header && header->cmsg_type == SCM_RIGHTS)
    memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
  return length;
}

bool status_give(int fd, uint64_t key, int descriptor) {
  struct restore_status status = {.kind = RESTORE_GIVE, .ns = key};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  struct iovec content = {&status, sizeof status};
  struct msghdr message = {.msg_iov = &content,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  return sendmsg(fd, &message, MSG_NOSIGNAL) == sizeof status;
}
