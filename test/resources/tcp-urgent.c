// Of a TCP connection inside the program, the kernel shows nothing behind
// urgent data (MSG_OOB): refused as long as something is there, inline or not,
// and the next checkpoint has the stream as it goes on.
// RUN: %behaviour %s -o %t
// RUN: %restored -- %t 2>&1 | FileCheck %s
// CHECK-COUNT-3: HWCKPT-E208: {{.*}}: bytes behind urgent data (MSG_OOB)
// CHECK: all of it is there
#include "inet-pair.h"

static void send_text(int fd, const char *text, int flags) {
  CHECK_EQUAL(send(fd, text, strlen(text), flags), strlen(text));
}

static void expect(int fd, const char *text) {
  char got[16] = "";
  size_t length = 0;
  while (length < strlen(text)) {
    ssize_t count = recv(fd, got + length, strlen(text) - length, 0);
    CHECK(count > 0);
    length += (size_t)count;
  }
  CHECK(strcmp(got, text) == 0);
}

static void refused(void) { CHECK(__builtin_ckpt_save() < 0); }

int main(void) {
  int yes = 1, apart[2], first[2], inline_[2];
  char urgent;
  inet_pair(SOCK_STREAM, apart);
  send_text(apart[0], "abc", 0);
  send_text(apart[0], "x", MSG_OOB);
  send_text(apart[0], "defgh", 0);
  refused();
  expect(apart[1], "abc");
  CHECK_EQUAL(recv(apart[1], &urgent, 1, MSG_OOB), 1);
  expect(apart[1], "defgh");
  inet_pair(SOCK_STREAM, first);
  send_text(first[0], "x", MSG_OOB);
  send_text(first[0], "defgh", 0);
  refused();
  expect(first[1], "defgh");
  inet_pair(SOCK_STREAM, inline_);
  CHECK(setsockopt(inline_[1], SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes) ==
        0);
  send_text(inline_[0], "abc", 0);
  send_text(inline_[0], "x", MSG_OOB);
  send_text(inline_[0], "defgh", 0);
  refused();
  expect(inline_[1], "abcxdefgh");
  send_text(first[0], "ijk", 0);
  send_text(inline_[0], "lmn", 0);
  CHECK(shutdown(inline_[0], SHUT_WR) == 0);
  if (!came_back())
    die();
  expect(first[1], "ijk");
  expect(inline_[1], "lmn");
  CHECK_EQUAL(recv(inline_[1], &urgent, 1, 0), 0);
  dprintf(1, "all of it is there\n");
  return 0;
}
