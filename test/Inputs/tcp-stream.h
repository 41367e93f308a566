/* tcp-stream.h - TCP connections of a test to itself, with bytes in them that
 * say where they are. */
#ifndef TCP_STREAM_H
#define TCP_STREAM_H

#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

struct connection {
  int end[2];
  size_t sent[2]; /* by that end */
};

static inline unsigned char byte_at(size_t at, int end) {
  return (unsigned char)(at * 31 >> 5 ^ at >> 13 ^ (end ? 0x55 : 0));
}

static inline struct connection make(void) {
  struct connection made = {0};
  struct sockaddr_in name = {.sin_family = AF_INET};
  socklen_t length = sizeof name;
  int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(listening, (void *)&name, length) == 0);
  CHECK(listen(listening, 5) == 0);
  CHECK(getsockname(listening, (void *)&name, &length) == 0);
  made.end[0] = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(made.end[0], (void *)&name, length) == 0);
  made.end[1] = accept(listening, 0, 0);
  CHECK(made.end[1] >= 0);
  CHECK(close(listening) == 0);
  return made;
}

/* Sends pieces of the size until no more goes in, or so much. */
static inline void fill(struct connection *in, int end, size_t piece,
                        size_t most) {
  static unsigned char bytes[100000];
  while (in->sent[end] < most) {
    for (size_t i = 0; i < piece; i++)
      bytes[i] = byte_at(in->sent[end] + i, end);
    ssize_t sent = send(in->end[end], bytes, piece, MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN)
      return;
    CHECK(sent > 0);
    in->sent[end] += (size_t)sent;
  }
}

/* Receives all that the other end sent, and where it ended no more. */
static inline void take_all(const struct connection *in, int end, int ended) {
  static unsigned char got[1 << 16];
  int from = !end;
  for (size_t at = 0; at < in->sent[from];) {
    size_t left = in->sent[from] - at;
    ssize_t count =
        recv(in->end[end], got, left < sizeof got ? left : sizeof got, 0);
    CHECK(count > 0);
    for (ssize_t i = 0; i < count; i++)
      CHECK_EQUAL(got[i], byte_at(at + (size_t)i, from));
    at += (size_t)count;
  }
  if (ended)
    CHECK_EQUAL(recv(in->end[end], got, 1, 0), 0);
  else
    CHECK_EQUAL(recv(in->end[end], got, 1, MSG_DONTWAIT), -1);
}

#endif
