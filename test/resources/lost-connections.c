// Connections to others come back as reset, whoever waits for them: TCP over
// IPv4 and IPv6, unix sockets, half closed ones, and those that were asked for.
// The other end is a child, which is none of the program without hwckpt run.
// RUN: %behaviour %s -o %t && ALONE=1 %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
static int port;
static union {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  struct sockaddr_un local;
} name;
static socklen_t length;
/* Somebody else, who serves connections until there are none. */
static int somebody(int domain, int type) {
  memset(&name, 0, sizeof name);
  name.any.sa_family = (sa_family_t)domain;
  length = domain == AF_UNIX ? sizeof(sa_family_t) : sizeof name.six;
  if (domain == AF_INET)
    name.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    length = sizeof name.four;
  if (domain == AF_INET6)
    name.six.sin6_addr = in6addr_loopback;
  int fd = socket(domain, type, 0);
  if (fd < 0 || bind(fd, &name.any, length) != 0)
    return -1;
  length = sizeof name;
  CHECK(listen(fd, 9) == 0 && getsockname(fd, &name.any, &length) == 0);
  if (fork() == 0) {
    struct pollfd look[10] = {{.fd = fd, .events = POLLIN}};
    char byte;
    for (nfds_t count = 1;;) {
      if (poll(look, count, 20000) == 0)
        _exit(1);
      if (look[0].revents && count < 10)
        look[count] =
            (struct pollfd){accept(fd, 0, 0), count == 1 ? POLLIN : 0, 0},
        count++;
      if (count > 1 && look[1].revents && read(look[1].fd, &byte, 1) <= 0)
        _exit(0); /* the first of them ended: the program was killed */
    }
  }
  close(fd);
  return 0;
}
static int connected(int domain, int type) {
  int fd = socket(domain, type, 0);
  CHECK(fd >= 0 && connect(fd, &name.any, length) == 0);
  return fd;
}
static void is_reset(int fd) {
  char byte;
  struct pollfd look = {.fd = fd, .events = POLLIN | POLLOUT};
  CHECK(poll(&look, 1, 0) == 1 && look.revents & POLLERR &&
        look.revents & POLLHUP);
  CHECK(read(fd, &byte, 1) == -1 && errno == ECONNRESET);
  CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
  CHECK_EQUAL(read(fd, &byte, 1), 0);
}
static atomic_int reading;
static void *reads(void *argument) {
  char byte;
  reading = 1;
  CHECK(read(*(int *)argument, &byte, 1) == -1 && errno == ECONNRESET);
  return argument;
}
static void *polls(void *argument) {
  struct epoll_event event = {.events = EPOLLIN};
  CHECK(epoll_ctl(*(int *)argument, EPOLL_CTL_ADD, port, &event) == 0);
  reading = 2;
  CHECK(epoll_wait(*(int *)argument, &event, 1, -1) == 1);
  CHECK(event.events & EPOLLERR);
  return argument;
}
int main(void) {
  static const int domains[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNIX};
  static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_STREAM,
                              SOCK_SEQPACKET};
  int sockets[4][3], on = 1, blocked = -1, epoll = epoll_create1(0), pair[2];
  pthread_t threads[2];
  for (int i = 0; i < 4; i++) {
    sockets[i][0] = -1;
    if (somebody(domains[i], types[i]) < 0)
      continue;
    for (int k = 0; k < 3; k++)
      sockets[i][k] = connected(domains[i], types[i]);
    CHECK_EQUAL(send(sockets[i][1], "unread", 6, 0), 6);
    CHECK_EQUAL(shutdown(sockets[i][2], SHUT_WR), 0);
    if (i == 0) {
      blocked = connected(AF_INET, SOCK_STREAM);
      port = connected(AF_INET, SOCK_STREAM);
    }
  }
  CHECK(setsockopt(sockets[0][0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ==
        0);
  CHECK(fcntl(sockets[0][1], F_SETFL, O_NONBLOCK) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  pthread_create(&threads[0], NULL, reads, &blocked);
  while (reading != 1)
    sched_yield();
  pthread_create(&threads[1], NULL, polls, &epoll);
  while (reading != 2)
    sched_yield();
  die_and_come_back();
  socklen_t size = sizeof on;
  CHECK(getsockopt(sockets[0][0], IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 &&
        on);
  CHECK(fcntl(sockets[0][1], F_GETFL) & O_NONBLOCK);
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < 3 && sockets[i][0] >= 0; k++)
      is_reset(sockets[i][k]);
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  CHECK(write(pair[0], "x", 1) == 1 && read(pair[1], &(char){0}, 1) == 1);
  return 0;
}
