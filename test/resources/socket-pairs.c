// Unix sockets that are connected inside the program come back connected, with
// what is queued in both directions, message by message, and half closed.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/epoll.h>
#include <sys/socket.h>
static void expect(int fd, const char *text, size_t size) {
  char got[70000];
  CHECK_EQUAL(recv(fd, got, sizeof got, MSG_DONTWAIT), size);
  CHECK(memcmp(got, text, size) == 0);
}
static void expect_none(int fd) {
  char got;
  CHECK(recv(fd, &got, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}
static void stream_holds(int fd, size_t size) {
  static char got[1 << 20];
  size_t have = 0;
  long count;
  while ((count = recv(fd, got + have, sizeof got - have, MSG_DONTWAIT)) > 0)
    have += (size_t)count;
  CHECK_EQUAL(have, size);
  for (size_t i = 0; i < have; i++)
    CHECK(got[i] == (char)(i * 7 >> 3));
}
int main(void) {
  static char much[1 << 20];
  int stream[2], packets[2], datagrams[2], half[2], full[2], size = 400000;
  int on = 1;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, packets) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, half) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, full) == 0);
  CHECK(setsockopt(stream[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
  CHECK(setsockopt(full[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
  int copy = dup(stream[1]);
  close(stream[1]);
  for (size_t i = 0; i < sizeof much; i++)
    much[i] = (char)(i * 7 >> 3);
  long filled = 0, count;
  while ((count = send(full[1], much + filled, sizeof much - (size_t)filled,
                       MSG_DONTWAIT)) > 0)
    filled += count;
  CHECK(filled > 100000);
  CHECK_EQUAL(send(copy, "there", 5, 0), 5);
  CHECK_EQUAL(send(stream[0], "and back", 8, 0), 8);
  CHECK_EQUAL(send(packets[0], "one", 3, 0), 3);
  CHECK_EQUAL(send(packets[0], "", 0, 0), 0);
  CHECK_EQUAL(send(packets[0], "three", 5, 0), 5);
  CHECK_EQUAL(send(datagrams[1], much, 60000, 0), 60000);
  CHECK_EQUAL(send(datagrams[1], "short", 5, 0), 5);
  CHECK_EQUAL(send(half[0], "last", 4, 0), 4);
  CHECK_EQUAL(shutdown(half[0], SHUT_WR), 0);
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = copy};
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, copy, &event), 0);
  CHECK_EQUAL(came_back() ? 1 : (expect(packets[1], "one", 3), die(), 0), 1);
  expect(stream[0], "there", 5);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 0), 1);
  expect(copy, "and back", 8);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 0), 0);
  expect(packets[1], "one", 3);
  expect(packets[1], "", 0);
  expect(packets[1], "three", 5);
  expect_none(packets[1]);
  CHECK_EQUAL(fcntl(packets[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  expect(datagrams[0], much, 60000);
  expect(datagrams[0], "short", 5);
  expect_none(datagrams[0]);
  expect_none(datagrams[1]);
  CHECK_EQUAL(fcntl(datagrams[0], F_GETFD), FD_CLOEXEC);
  expect(half[1], "last", 4);
  expect(half[1], "", 0);
  CHECK(send(half[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
  CHECK_EQUAL(send(half[1], "y", 1, 0), 1);
  expect(half[0], "y", 1);
  stream_holds(full[0], (size_t)filled);
  socklen_t length = sizeof on;
  CHECK(getsockopt(stream[0], SOL_SOCKET, SO_PASSCRED, &on, &length) == 0 &&
        on);
  CHECK(getsockopt(full[1], SOL_SOCKET, SO_PEEK_OFF, &on, &length) == 0);
  CHECK_EQUAL(on, -1);
  CHECK_EQUAL(send(copy, "again", 5, 0), 5);
  expect(stream[0], "again", 5);
  return 0;
}
