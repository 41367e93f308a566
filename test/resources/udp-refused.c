// An error that waits in a UDP socket with a peer, of a datagram that nobody
// took there, waits to be told again; also for edge-triggered epoll, and over
// IPv6. Its peer is as it was.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
enum { FOUR, SIX, MAPPED, KINDS };
static int fds[KINDS], epoll;
static struct sockaddr_in6 peers[KINDS], names[KINDS];
static socklen_t lengths[KINDS];

/* A name that nobody has. */
static struct sockaddr_in6 name_of_nobody(int kind, socklen_t *length) {
  struct sockaddr_in6 name = {.sin6_family = AF_INET6,
                              .sin6_addr = in6addr_loopback};
  struct sockaddr_in *four = (void *)&name;
  if (kind == MAPPED)
    CHECK_EQUAL(inet_pton(AF_INET6, "::ffff:127.0.0.1", &name.sin6_addr), 1);
  if (kind == FOUR)
    *four = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  *length = sizeof name;
  int fd = socket(name.sin6_family, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (void *)&name, *length))
    SKIP("no loopback interface for this family");
  CHECK_EQUAL(getsockname(fd, (void *)&name, length), 0);
  CHECK_EQUAL(close(fd), 0);
  return name;
}
static void make(int kind) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = kind};
  peers[kind] = name_of_nobody(kind, &lengths[kind]);
  fds[kind] = socket(peers[kind].sin6_family, SOCK_DGRAM, 0);
  CHECK_EQUAL(connect(fds[kind], (void *)&peers[kind], lengths[kind]), 0);
  CHECK_EQUAL(getsockname(fds[kind], (void *)&names[kind], &lengths[kind]), 0);
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[kind], &event), 0);
  CHECK_EQUAL(send(fds[kind], "x", 1, 0), 1);
  struct pollfd look = {.fd = fds[kind]};
  CHECK_EQUAL(poll(&look, 1, 10000), 1);
}
static void look_at(int kind) {
  struct sockaddr_in6 name;
  socklen_t length = sizeof name;
  int error = 0;
  socklen_t size = sizeof error;
  struct pollfd look = {.fd = fds[kind]};
  CHECK_EQUAL(poll(&look, 1, 0), 1);
  CHECK_EQUAL(look.revents, POLLERR);
  CHECK_EQUAL(getsockopt(fds[kind], SOL_SOCKET, SO_ERROR, &error, &size), 0);
  CHECK_EQUAL(error, ECONNREFUSED);
  CHECK_EQUAL(poll(&look, 1, 0), 0);
  CHECK_EQUAL(getpeername(fds[kind], (void *)&name, &length), 0);
  CHECK(!memcmp(&name, &peers[kind], lengths[kind]));
  CHECK_EQUAL(getsockname(fds[kind], (void *)&name, &length), 0);
  CHECK(!memcmp(&name, &names[kind], lengths[kind]));
}
int main(void) {
  struct epoll_event events[KINDS];
  CHECK((epoll = epoll_create1(0)) >= 0);
  for (int kind = 0; kind < KINDS; kind++)
    make(kind);
  CHECK_EQUAL(epoll_wait(epoll, events, 1, 0), 1);
  die_and_come_back();
  CHECK_EQUAL(epoll_wait(epoll, events, KINDS, 0), KINDS);
  for (int kind = 0; kind < KINDS; kind++)
    look_at(kind);
  return 0;
}
