// Bytes of TCP connections inside the program that have not arrived, as nobody
// reads, come back where the kernel lets them be looked at (CAP_NET_ADMIN): in
// both directions at once, also behind the end of one, between processes too.
// Elsewhere the checkpoint is refused while they are there; nothing is lost.
// RUN: %behaviour %s -o %t
// RUN: if [ "$(id -u)" = 0 ]; then %restored -- %t; fi
// RUN: if [ "$(id -u)" = 0 ]; then less='setpriv --bounding-set -net_admin'; fi
// RUN: $less %hwckpt run -- %t 2>&1 | FileCheck %s
// CHECK: HWCKPT-E208: {{.*}} bytes that have not arrived, without CAP_NET_ADMIN
// CHECK: all of it is there
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct connection {
  int end[2];
  size_t sent[2]; /* by that end */
};

static unsigned char byte_at(size_t at, int end) {
  return (unsigned char)(at * 31 >> 5 ^ at >> 13 ^ (end ? 0x55 : 0));
}

static struct connection make(void) {
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
static void fill(struct connection *in, int end, size_t piece, size_t most) {
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
static void take_all(const struct connection *in, int end, int ended) {
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

static int may_look(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  int may = !setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
  CHECK(close(fd) == 0);
  return may;
}

int main(void) {
  struct connection full = make(), small = make(), half = make();
  struct connection over = make(), family = make(), corked = make();
  int on = 1, size = 40000, locked = 0;
  socklen_t length = sizeof locked;
  fill(&full, 0, 100000, SIZE_MAX);
  fill(&full, 1, 777, SIZE_MAX);
  CHECK(full.sent[0] > 200000 && full.sent[1] > 10000);
  CHECK(setsockopt(small.end[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) ==
        0);
  fill(&small, 0, 1, 100000);
  fill(&half, 0, 65536, SIZE_MAX);
  fill(&half, 1, 10, 10);
  CHECK(shutdown(half.end[0], SHUT_WR) == 0); /* FIN-WAIT-1 */
  fill(&over, 0, 65536, SIZE_MAX);
  fill(&over, 1, 65536, SIZE_MAX);
  CHECK(shutdown(over.end[0], SHUT_WR) == 0);
  CHECK(shutdown(over.end[1], SHUT_WR) == 0);
  CHECK(setsockopt(corked.end[1], IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0);
  fill(&corked, 1, 3, 3);
  fill(&family, 0, 50000, SIZE_MAX);
  int go[2];
  CHECK(pipe(go) == 0);
  pid_t child = fork();
  if (child == 0) {
    char word;
    CHECK(close(go[1]) == 0 && close(family.end[0]) == 0);
    CHECK_EQUAL(read(go[0], &word, 1), 1);
    take_all(&family, 1, 1);
    return 0;
  }
  CHECK(close(family.end[1]) == 0);
  int times = __builtin_ckpt_save();
  if (times == 0)
    die();
  if (times < 0)
    CHECK(!may_look());
  take_all(&full, 0, 0);
  take_all(&full, 1, 0);
  take_all(&small, 1, 0);
  take_all(&half, 1, 1);
  take_all(&half, 0, 0);
  take_all(&over, 0, 1);
  take_all(&over, 1, 1);
  take_all(&corked, 0, 0);
  CHECK(getsockopt(small.end[0], SOL_SOCKET, SO_SNDBUF, &size, &length) == 0);
  CHECK_EQUAL(size, 80000);
#ifdef SO_BUF_LOCK
  CHECK(getsockopt(small.end[0], SOL_SOCKET, SO_BUF_LOCK, &locked, &length) ==
        0);
  CHECK_EQUAL(locked, 1);
  CHECK(getsockopt(full.end[0], SOL_SOCKET, SO_BUF_LOCK, &locked, &length) ==
        0);
  CHECK_EQUAL(locked, 0);
#endif
  /* They are what they were for what comes, too. */
  full.sent[0] = full.sent[1] = 0;
  fill(&full, 0, 1000, 5000);
  fill(&full, 1, 1000, 5000);
  take_all(&full, 0, 0);
  take_all(&full, 1, 0);
  CHECK(close(family.end[0]) == 0);
  CHECK_EQUAL(write(go[1], "g", 1), 1);
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  dprintf(1, "all of it is there\n");
  return 0;
}
