/* tcp_content.c - see tcp_content.h. All of it is looked at in one call: the
 * kernel keeps no place in between. */
#include "tcp_content.h"

#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "socket_options.h"
#include "tcp_peer.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define ROOM_MS 1000

/* All of it, wherever the program goes on looking (Linux 6.9 and later). */
static long look(int socket, void *buffer, size_t length) {
  static const int from_the_first = -1;
  int before = socket_number(socket, SOL_SOCKET, SO_PEEK_OFF, -1);
  if (before >= 0)
    SYS(setsockopt, socket, SOL_SOCKET, SO_PEEK_OFF, &from_the_first,
        sizeof before);
  long got =
      SYS(recvfrom, socket, buffer, length, MSG_PEEK | MSG_DONTWAIT, 0, 0);
  if (before >= 0)
    SYS(setsockopt, socket, SOL_SOCKET, SO_PEEK_OFF, &before, sizeof before);
  return got;
}

void tcp_content_glance(int socket) {
  int waiting = 0;
  char byte;
  SYS(ioctl, socket, FIONREAD, &waiting);
  if (waiting > 0)
    look(socket, &byte, sizeof byte);
}

/* The kernel counts, and shows, what is before the mark of urgent data
 * (MSG_OOB) only. That byte, or the end, is one more. */
static bool goes_on(int socket, size_t shown) {
  struct tcp_ends ends;
  if (!tcp_ends_of(socket, &ends))
    return false;
  const struct tcp_ends seen = {ends.peer, ends.own, ends.peer_length,
                                ends.own_length};
  return tcp_peer_of(&seen).unread > shown + 1;
}

static bool is_readable(int socket) {
  struct pollfd look = {socket, POLLIN, 0};
  return SYS(poll, &look, 1, 0) == 1 && look.revents & POLLIN;
}

static int refuse_urgent(struct resource_sink *sink, const Descriptor *message,
                         struct hwckpt_error *error) {
  return resource_unsupported(
      sink, error, message->path,
      "descriptor %d: bytes behind urgent data (MSG_OOB)",
      (int)message->number);
}

int tcp_content_put(struct resource_sink *sink, const Descriptor *message,
                    int socket, struct hwckpt_error *error) {
  int waiting = 0;
  int failed = 0;
  SYS(ioctl, socket, FIONREAD, &waiting);
  if (waiting <= 0 && !is_readable(socket))
    return 0;
  if (goes_on(socket, (size_t)waiting))
    failed = refuse_urgent(sink, message, error);
  if (failed || waiting <= 0)
    return failed;
  size_t length = (size_t)waiting;
  long buffer = SYS(mmap, 0, length, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer < 0)
    return refuse_to_save(error, message, buffer, "memory for what is queued");
  long got = look(socket, (void *)buffer, length);
  if (got < 0)
    failed = refuse_to_save(error, message, got, "looking at what is queued");
  else if ((size_t)got < length) /* SO_OOBINLINE */
    failed = refuse_urgent(sink, message, error);
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

static long send_all(int socket, const char *bytes, size_t length) {
  struct pollfd room = {socket, POLLOUT, 0};
  while (length) {
    long sent =
        SYS(sendto, socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    if (sent < 0 && (sent != -EAGAIN || SYS(poll, &room, 1, ROOM_MS) != 1))
      return sent;
    bytes += sent > 0 ? sent : 0;
    length -= sent > 0 ? (size_t)sent : 0;
  }
  return 0;
}

static bool is_of_connection(const struct resource_source *source,
                             size_t record) {
  return source->records[record].type == RECORD_SOCKET_DATA ||
         source->records[record].type == RECORD_SOCKET_OPTION;
}

long tcp_content_send(const struct resource_source *source, int socket) {
  size_t at = source->at;
  long result = 0;
  while (at > 0 && is_of_connection(source, at - 1))
    at--;
  for (; at < source->at && result >= 0; at++)
    if (source->records[at].type == RECORD_SOCKET_DATA)
      result = send_all(socket, source->records[at].data,
                        source->records[at].length);
  return result;
}
