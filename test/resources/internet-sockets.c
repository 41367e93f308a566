// Sockets that have no connection come back: listening, bound, with their
// options, UDP with its peer.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
static struct sockaddr_in6 name_of(int fd) {
  struct sockaddr_in6 name = {0};
  socklen_t length = sizeof name;
  CHECK_EQUAL(getsockname(fd, (struct sockaddr *)&name, &length), 0);
  return name;
}
static int bound(int domain, int type) {
  struct sockaddr_in6 any = {.sin6_family = (sa_family_t)domain};
  if (domain == AF_INET6)
    any.sin6_addr = in6addr_loopback;
  else
    ((struct sockaddr_in *)&any)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(domain, type, 0);
  if (fd < 0 ||
      bind(fd, (struct sockaddr *)&any,
           domain == AF_INET6 ? sizeof any : sizeof(struct sockaddr_in)) != 0)
    return -1;
  return fd;
}
static void same_name(int fd, const struct sockaddr_in6 *was) {
  struct sockaddr_in6 is = name_of(fd);
  CHECK(memcmp(&is, was, sizeof is) == 0);
}
static int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  CHECK_EQUAL(getsockopt(fd, level, name, &value, &length), 0);
  return value;
}
static void talk(int listening) {
  struct sockaddr_in6 name = name_of(listening);
  int there = socket(name.sin6_family, SOCK_STREAM, 0);
  CHECK_EQUAL(connect(there, (struct sockaddr *)&name, sizeof name), 0);
  int here = accept(listening, NULL, NULL);
  CHECK(here >= 0 && write(there, "x", 1) == 1);
  char byte;
  CHECK_EQUAL(read(here, &byte, 1), 1);
  close(here); /* its port is in TIME_WAIT from then on */
  close(there);
}
int main(void) {
  int on = 1, size = 50000;
  int four = bound(AF_INET, SOCK_STREAM), six = bound(AF_INET6, SOCK_STREAM);
  int one = bound(AF_INET, SOCK_DGRAM), two = bound(AF_INET, SOCK_DGRAM);
  int fresh = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  CHECK(four >= 0 && one >= 0 && two >= 0 && fresh >= 0);
  CHECK_EQUAL(setsockopt(four, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
  CHECK_EQUAL(listen(four, 7), 0);
  talk(four);
  if (six >= 0)
    CHECK_EQUAL(listen(six, 3), 0);
  CHECK_EQUAL(setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  CHECK_EQUAL(setsockopt(one, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
  struct sockaddr_in6 names[4] = {name_of(four), name_of(one), name_of(two)};
  CHECK_EQUAL(
      connect(two, (struct sockaddr *)&names[1], sizeof(struct sockaddr_in)),
      0);
  names[2] = name_of(two);
  int received = option(one, SOL_SOCKET, SO_RCVBUF);
  die_and_come_back();
  same_name(four, &names[0]);
  same_name(one, &names[1]);
  same_name(two, &names[2]);
  CHECK_EQUAL(option(four, SOL_SOCKET, SO_REUSEADDR), 1);
  CHECK_EQUAL(option(one, SOL_SOCKET, SO_REUSEADDR), 0);
  talk(four);
  if (six >= 0)
    talk(six);
  CHECK_EQUAL(option(fresh, IPPROTO_TCP, TCP_NODELAY) != 0, 1);
  CHECK_EQUAL(fcntl(fresh, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(fcntl(fresh, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(option(one, SOL_SOCKET, SO_RCVBUF), received);
  char text[8];
  CHECK_EQUAL(send(two, "hello", 5, 0), 5);
  CHECK_EQUAL(recv(one, text, sizeof text, 0), 5);
  return 0;
}
