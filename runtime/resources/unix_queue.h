/* unix_queue.h - what is queued in a unix socket, message by message, looked at
 * without being taken: bytes, descriptors on their way (SCM_RIGHTS), and who
 * sent them (SCM_CREDENTIALS). The tools use it too.
 *
 * A stream has no messages, but descriptors come with the byte that they were
 * sent with: such a byte begins a piece, and no piece has bytes before it. */
#ifndef HWCKPT_RESOURCES_UNIX_QUEUE_H
#define HWCKPT_RESOURCES_UNIX_QUEUE_H

#include "packet_walk.h"

#include <stdbool.h>
#include <stddef.h>

#define UNIX_QUEUE_RIGHTS 253u /* SCM_MAX_FD */
/* No stream has a larger piece with descriptors. */
#define UNIX_QUEUE_ROOM ((size_t)64 << 10)

struct unix_queue {
  int socket;
  bool stream;
  int at;             /* of a stream: bytes that were looked at */
  int most;           /* bytes that may be: to look further would take an error
                       * off that the program is to be told */
  int before, passes; /* SO_PEEK_OFF and SO_PASSCRED, to be put back */
  struct packet_walk walk; /* of packets */
};

struct unix_message {
  size_t count;
  int rights[UNIX_QUEUE_RIGHTS]; /* the caller closes them */
  bool cut;                      /* there are more of them */
  struct packet packet;
};

/* 0 or a negative errno; with 0, unix_queue_end() is to follow. */
long unix_queue_begin(struct unix_queue *queue, int socket);
/* The length of the next message, of which up to `room` bytes are in the
 * buffer; -EAGAIN: there is no more; another negative errno. */
long unix_queue_next(struct unix_queue *queue, char *buffer, size_t room,
                     struct unix_message *message);
void unix_queue_end(struct unix_queue *queue);
void unix_queue_close(struct unix_message *message);

#endif
