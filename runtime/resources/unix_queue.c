/* unix_queue.c - see unix_queue.h. Source: unix(7), socket(7). */
#include "unix_queue.h"

#include "../arch/sys.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* All descriptors, the sender, and what else a socket may be told. */
#define CONTROL_ROOM (CMSG_SPACE(UNIX_QUEUE_RIGHTS * sizeof(int)) + 512)

/* Of packets an error is told before them. */
static int most_of(int socket, bool stream) {
  struct pollfd look = {.fd = socket};
  int waiting = 0;
  if (SYS(poll, &look, 1, 0) != 1 || !(look.revents & POLLERR))
    return INT_MAX;
  if (stream)
    SYS(ioctl, socket, FIONREAD, &waiting);
  return waiting;
}

void unix_queue_close(struct unix_message *message) {
  while (message->count)
    SYS(close, message->rights[--message->count]);
}

static void take_control(const struct cmsghdr *header,
                         struct unix_message *message) {
  size_t length = header->cmsg_len - CMSG_LEN(0);
  const void *data = CMSG_DATA(header);
  struct packet_sender *sender = &message->packet.sender;
  if (header->cmsg_level != SOL_SOCKET)
    return;
  if (header->cmsg_type == SCM_RIGHTS) {
    message->count = length / sizeof(int);
    memcpy(message->rights, data, message->count * sizeof(int));
  } else if (header->cmsg_type == SCM_CREDENTIALS &&
             length == sizeof(sender->process)) {
    memcpy(&sender->process, data, sizeof(sender->process));
    /* Nobody asked for it when it was sent, so the kernel did not note it. */
    sender->has_process = sender->process.pid > 0;
  } else if (!message->packet.mark) {
    message->packet.mark = packet_mark(header);
  }
}

/* Of the bytes, the last cannot be written to when `short_of_one`: the kernel
 * then gives what is in the buffers of its own that come before that byte's, or
 * -EFAULT, where it is in the first. */
static long peek(const struct unix_queue *queue, char *buffer, size_t room,
                 bool short_of_one, struct unix_message *message) {
  _Alignas(struct cmsghdr) char control[CONTROL_ROOM];
  struct iovec parts[] = {{buffer, room - short_of_one}, {(void *)1, 1}};
  struct packet_sender *sender = &message->packet.sender;
  struct msghdr head = {.msg_name = sender->name,
                        .msg_namelen = sizeof(sender->name),
                        .msg_iov = parts,
                        .msg_iovlen = short_of_one ? 2 : 1,
                        .msg_control = control,
                        .msg_controllen = sizeof(control)};
  message->count = sender->name_length = 0;
  message->packet.mark = 0;
  sender->has_process = message->cut = false;
  if (queue->stream)
    packet_set_option(queue->socket, SO_PEEK_OFF, queue->at);
  long length = SYS(recvmsg, queue->socket, &head,
                    MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC |
                        (queue->stream ? 0 : MSG_TRUNC));
  if (length < 0)
    return length;
  /* The end of a stream, or of packets: an empty one tells its sender. */
  if (length == 0 && (queue->stream || !head.msg_controllen))
    return -EAGAIN;
  message->cut = (head.msg_flags & MSG_CTRUNC) != 0;
  /* Without one the kernel gives nothing, or the family alone. */
  if (!queue->stream && head.msg_namelen > sizeof(sa_family_t) &&
      head.msg_namelen <= sizeof(sender->name))
    sender->name_length = head.msg_namelen;
  for (size_t at = 0; at + sizeof(struct cmsghdr) <= head.msg_controllen;) {
    const struct cmsghdr *header = (const void *)(control + at);
    if (header->cmsg_len < sizeof(*header))
      break;
    take_control(header, message);
    at += CMSG_ALIGN(header->cmsg_len);
  }
  message->packet.with_rights = message->count || message->cut;
  return length;
}

/* Of a piece with descriptors, the bytes before the one that they came with:
 * that is the first of the kernel's buffer that they are in, which is the last
 * that is given. (Fewer and fewer bytes do not tell: with them the kernel may
 * give the descriptors of the byte behind them.) */
static size_t border_of(const struct unix_queue *queue, char *buffer,
                        size_t length) {
  struct unix_message look;
  long before = peek(queue, buffer, length, true, &look);
  unix_queue_close(&look);
  return before > 0 && (size_t)before < length ? (size_t)before : 0;
}

/* ---- packets ---- */

struct looking {
  const struct unix_queue *queue;
  char *buffer;
  size_t room;
  struct unix_message *message;
};

static long look_at_packet(void *context, struct packet *packet) {
  const struct looking *looking = context;
  unix_queue_close(looking->message);
  long length = peek(looking->queue, looking->buffer, looking->room, false,
                     looking->message);
  *packet = looking->message->packet;
  return length;
}

static long next_packet(struct unix_queue *queue, char *buffer, size_t room,
                        struct unix_message *message) {
  struct looking looking = {queue, buffer, room, message};
  struct packet packet;
  bool remembered;
  queue->walk.context = &looking;
  long length = packet_walk_next(&queue->walk, &packet, &remembered);
  if (remembered) {
    unix_queue_close(message); /* of one that was looked at before */
    message->cut = packet.with_rights;
    message->packet = packet;
  }
  return length;
}

/* ---- both ---- */

long unix_queue_begin(struct unix_queue *queue, int socket) {
  queue->socket = socket;
  queue->stream = packet_option(socket, SO_TYPE, 0) == SOCK_STREAM;
  queue->at = 0;
  queue->most = most_of(socket, queue->stream);
  queue->before = packet_option(socket, SO_PEEK_OFF, -1);
  queue->passes = packet_option(socket, SO_PASSCRED, 0);
  long result = queue->stream ? packet_set_option(socket, SO_PEEK_OFF, 0)
                              : packet_walk_begin(&queue->walk, socket,
                                                  look_at_packet, 0);
  if (result >= 0)
    packet_set_option(socket, SO_PASSCRED, 1);
  return result < 0 ? result : 0;
}

void unix_queue_end(struct unix_queue *queue) {
  if (queue->stream)
    packet_set_option(queue->socket, SO_PEEK_OFF, queue->before);
  else
    packet_walk_end(&queue->walk);
  packet_set_option(queue->socket, SO_PASSCRED, queue->passes);
}

long unix_queue_next(struct unix_queue *queue, char *buffer, size_t room,
                     struct unix_message *message) {
  size_t left = (size_t)(queue->most - queue->at);
  message->count = 0;
  if (!left)
    return -EAGAIN;
  if (!queue->stream)
    return next_packet(queue, buffer, room, message);
  long length = peek(queue, buffer, room < left ? room : left, false, message);
  if (length < 0)
    return length;
  size_t border = message->count || message->cut
                      ? border_of(queue, buffer, (size_t)length)
                      : 0;
  if (border) {
    unix_queue_close(message);
    length = peek(queue, buffer, border, false, message);
    unix_queue_close(message); /* of the byte behind */
    message->cut = false;
  }
  if (length > 0)
    queue->at += (int)length;
  return length;
}
