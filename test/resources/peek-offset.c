// Where recv(MSG_PEEK) goes on (SO_PEEK_OFF) is as it was, and what lies before
// it is not lost: in the checkpoint, which looks at it too, and in a restore.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "inet-pair.h"
#include <sys/un.h>
enum { STREAM, PACKETS, DATAGRAMS, TCP, UDP, KINDS };
static const char text[] = "abcdefghij";
static int sides[KINDS][2];
static int offsets[KINDS];

static void peek_at(int kind, const char *wanted) {
  char got[3] = "";
  CHECK_EQUAL(recv(sides[kind][1], got, 2, MSG_PEEK | MSG_DONTWAIT), 2);
  CHECK(strcmp(got, wanted) == 0);
}
static int offset_of(int kind) {
  int offset = -2;
  socklen_t length = sizeof offset;
  CHECK(getsockopt(sides[kind][1], SOL_SOCKET, SO_PEEK_OFF, &offset, &length) ==
        0);
  return offset;
}
static int has_offset(int kind) { // TCP from Linux 6.9 on
  int offset = 3;
  return setsockopt(sides[kind][1], SOL_SOCKET, SO_PEEK_OFF, &offset,
                    sizeof offset) == 0;
}
int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sides[STREAM]) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sides[PACKETS]) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sides[DATAGRAMS]) == 0);
  inet_pair(SOCK_STREAM, sides[TCP]);
  inet_pair(SOCK_DGRAM, sides[UDP]);
  for (int kind = 0; kind < KINDS; kind++) {
    CHECK(send(sides[kind][0], text, 10, 0) == 10);
    if (has_offset(kind))
      peek_at(kind, "de");
    offsets[kind] = offset_of(kind);
  }
  CHECK(offsets[STREAM] == 5 && offsets[UDP] == 5);
  if (!came_back()) {
    for (int kind = 0; kind < KINDS; kind++)
      CHECK_EQUAL(offset_of(kind), offsets[kind]);
    die();
  }
  for (int kind = 0; kind < KINDS; kind++) {
    char got[11] = "";
    CHECK_EQUAL(offset_of(kind), offsets[kind]);
    peek_at(kind, offsets[kind] < 0 ? "ab" : "fg");
    CHECK_EQUAL(recv(sides[kind][1], got, 10, MSG_DONTWAIT), 10);
    CHECK(strcmp(got, text) == 0);
  }
  return 0;
}
