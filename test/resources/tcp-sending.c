// Bytes of TCP connections inside the program that have not arrived, as nobody
// reads, come back where the kernel lets them be looked at (CAP_NET_ADMIN): in
// both directions at once, also behind the end of one, between processes too.
// How they come back without that right: tcp-room.c.
// RUN: %behaviour %s -o %t
// RUN: if [ "$(id -u)" = 0 ]; then %restored -- %t; fi
#include "tcp-stream.h"
#include <sys/wait.h>

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
  CHECK(times >= 0);
  if (times == 0)
    die();
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
  return 0;
}
