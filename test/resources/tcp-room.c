// Bytes of TCP connections inside the program that have not arrived, as nobody
// reads, come back without CAP_NET_ADMIN too: their receiver is given room for
// them. Between processes too, in both directions, also behind the end of one,
// whichever end is looked at first; the program itself goes on with all of it.
// Where the program has set the size of the buffer the checkpoint is refused.
// RUN: %behaviour %s -o %t
// RUN: if [ "$(id -u)" = 0 ]; then less='setpriv --bounding-set -net_admin'; fi
// RUN: $less %restored -- %t dies
// RUN: $less %hwckpt run -- %t lives
// RUN: $less %hwckpt run -- %t sized 2>&1 | FileCheck %s
// CHECK: {{HWCKPT-E208: .* bytes that have not arrived|SKIP: }}
#include "tcp-stream.h"
#include <limits.h>
#include <sys/wait.h>

#define MUCH ((size_t)900 << 10)

static int number_of(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  CHECK(getsockopt(fd, level, name, &value, &length) == 0);
  return value;
}

static void set(int fd, int level, int name, int value) {
  CHECK(setsockopt(fd, level, name, &value, sizeof value) == 0);
}

static int most_room(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  set(fd, SOL_SOCKET, SO_RCVLOWAT, INT_MAX);
  int most = number_of(fd, SOL_SOCKET, SO_RCVLOWAT);
  CHECK(close(fd) == 0);
  return most;
}

static struct connection with(size_t first, size_t second, size_t piece) {
  struct connection made = make();
  fill(&made, 0, piece, first);
  fill(&made, 1, piece, second);
  CHECK(made.sent[0] >= first && made.sent[1] >= second);
  return made;
}

static void take_both(const struct connection *in) {
  take_all(in, 1, 0);
  take_all(in, 0, 0);
}

static int is_refused_where_sized(void) {
  struct connection sized = make();
  set(sized.end[1], SOL_SOCKET, SO_RCVBUF, 60000);
  fill(&sized, 0, 10000, MUCH);
  CHECK(__builtin_ckpt_save() < 0);
  CHECK_EQUAL(number_of(sized.end[1], SOL_SOCKET, SO_RCVBUF), 120000);
  CHECK_EQUAL(number_of(sized.end[1], SOL_SOCKET, SO_RCVLOWAT), 1);
  take_all(&sized, 1, 0);
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (most_room() < (int)(2 * MUCH))
    SKIP("less room for what is received (sysctl tcp_rmem)");
  if (strcmp(what, "sized") == 0)
    return is_refused_where_sized();
  struct connection one = with(MUCH, 0, 65536), other = with(0, MUCH, 999);
  struct connection both = with(MUCH, MUCH, 50000), half = with(MUCH, 10, 65);
  struct connection family = with(MUCH, MUCH, 40000);
  set(one.end[1], IPPROTO_TCP, TCP_WINDOW_CLAMP, 50000);
  set(one.end[1], SOL_SOCKET, SO_RCVLOWAT, 3);
  CHECK(shutdown(half.end[0], SHUT_WR) == 0);
  int go[2];
  CHECK(pipe(go) == 0);
  pid_t child = fork();
  if (child == 0) {
    char word;
    CHECK(close(go[1]) == 0 && close(family.end[0]) == 0);
    if (read(go[0], &word, 1) != 1)
      return 1; /* killed */
    take_all(&family, 1, 0);
    return 0;
  }
  CHECK(close(family.end[1]) == 0);
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  if (times == 0 && strcmp(what, "dies") == 0)
    die();
  CHECK_EQUAL(number_of(one.end[1], IPPROTO_TCP, TCP_WINDOW_CLAMP), 50000);
  CHECK_EQUAL(number_of(one.end[1], SOL_SOCKET, SO_RCVLOWAT), 3);
  take_both(&one);
  take_both(&other);
  take_both(&both);
  take_all(&half, 1, 1);
  take_all(&half, 0, 0);
  take_all(&family, 0, 0);
  CHECK_EQUAL(write(go[1], "g", 1), 1);
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  return 0;
}
