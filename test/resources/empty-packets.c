// Empty packets and datagrams that wait between others come back, however many
// checkpoints have looked at them, with who sent them; those that were received
// meanwhile do not. What the program set of SO_TIMESTAMP stays.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "inet-pair.h"
#include <stddef.h>
#include <sys/un.h>
enum { PACKETS, DATAGRAMS, NAMED, CLOSED, TIMED, FOUR, SIX, KINDS };
static int ends[KINDS][2];
static union name {
  struct sockaddr any;
  struct sockaddr_un path;
  struct sockaddr_in6 six;
} names[KINDS];
static socklen_t lengths[KINDS];
static const int times[] = {SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD,
                            SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW};

static void put(int kind, const char *text) {
  CHECK_EQUAL(send(ends[kind][0], text, strlen(text), 0), strlen(text));
}
static void expect(int kind, const char *text) {
  union name from;
  socklen_t length = sizeof from;
  char got[8] = "";
  CHECK_EQUAL(recvfrom(ends[kind][1], got, sizeof got - 1, MSG_DONTWAIT,
                       &from.any, &length),
              strlen(text));
  CHECK(strcmp(got, text) == 0);
  if (lengths[kind]) {
    CHECK_EQUAL(length, lengths[kind]);
    CHECK(memcmp(&from, &names[kind], length) == 0);
  }
}
static void expect_none(int kind) {
  char got;
  long end = kind == CLOSED ? 0 : -1;
  CHECK_EQUAL(recv(ends[kind][1], &got, 1, MSG_DONTWAIT), end);
}
static void make_abstract(int socket, const char *which, union name *name) {
  snprintf(name->path.sun_path + 1, 90, "hwckpt-test-empty-%d-%s", getpid(),
           which);
  name->any.sa_family = AF_UNIX;
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                 strlen(name->path.sun_path + 1));
  CHECK_EQUAL(bind(socket, &name->any, length), 0);
}
static void make(int kind) {
  int type = kind == PACKETS || kind == CLOSED || kind == TIMED ? SOCK_SEQPACKET
                                                                : SOCK_DGRAM;
  union name to = {0};
  socklen_t length = sizeof to;
  if (kind == FOUR || kind == SIX) {
    to.any.sa_family = kind == FOUR ? AF_INET : AF_INET6;
    to.six.sin6_addr = in6addr_loopback;
    if (kind == FOUR)
      ((struct sockaddr_in *)&to)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ends[kind][0] = socket(to.any.sa_family, type, 0);
    ends[kind][1] = socket(to.any.sa_family, type, 0);
    if (bind(ends[kind][1], &to.any, sizeof to.six))
      SKIP("no loopback interface for this family");
  } else if (kind == NAMED) {
    for (int i = 0; i < 2; i++) {
      CHECK((ends[kind][i] = socket(AF_UNIX, type, 0)) >= 0);
      make_abstract(ends[kind][i], i ? "to" : "from", i ? &to : &names[kind]);
    }
  } else {
    CHECK_EQUAL(socketpair(AF_UNIX, type, 0, ends[kind]), 0);
    return;
  }
  CHECK_EQUAL(getsockname(ends[kind][1], &to.any, &length), 0);
  CHECK_EQUAL(connect(ends[kind][0], &to.any, length), 0);
  lengths[kind] = sizeof names[kind];
  CHECK_EQUAL(getsockname(ends[kind][0], &names[kind].any, &lengths[kind]), 0);
}
static int which_times(int kind) {
  int found = -1, on;
  socklen_t length = sizeof on;
  for (int i = 0; i < 4; i++)
    if (!getsockopt(ends[kind][1], SOL_SOCKET, times[i], &on, &length) && on)
      found = i;
  return found;
}
int main(void) {
  int on = 1;
  for (int kind = 0; kind < KINDS; kind++) {
    make(kind);
    put(kind, "");
    put(kind, "");
    put(kind, "one");
    put(kind, "");
    put(kind, "");
    if (kind == CLOSED)
      CHECK_EQUAL(close(ends[kind][0]), 0);
  }
  CHECK_EQUAL(setsockopt(ends[TIMED][1], SOL_SOCKET, times[1], &on, sizeof on),
              0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (int kind = 0; kind < KINDS; kind++) {
    expect(kind, "");
    if (kind == CLOSED)
      continue;
    put(kind, "");
    put(kind, "two");
    put(kind, "");
  }
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  expect(DATAGRAMS, "");
  expect(FOUR, "");
  expect(FOUR, "one");
  expect(FOUR, "");
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  die_and_come_back();
  for (int kind = 0; kind < KINDS; kind++) {
    CHECK_EQUAL(which_times(kind), kind == TIMED ? 1 : -1);
    if (kind != DATAGRAMS && kind != FOUR)
      expect(kind, "");
    if (kind != FOUR) {
      expect(kind, "one");
      expect(kind, "");
    }
    expect(kind, "");
    if (kind != CLOSED) {
      expect(kind, "");
      expect(kind, "two");
      expect(kind, "");
    }
    expect_none(kind);
  }
  return 0;
}
