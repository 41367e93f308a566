// TCP connections whose two ends are in the program come back connected, under
// their names, with what was received and not read, and half closed.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
struct connection {
  int listening, called, caller;
  struct sockaddr_in6 name, other;
};
static struct connection make(int domain) {
  struct connection made;
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  } name = {.any.sa_family = (sa_family_t)domain};
  socklen_t length = sizeof name;
  if (domain == AF_INET)
    name.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else
    name.six.sin6_addr = in6addr_loopback;
  made.listening = socket(domain, SOCK_STREAM, 0);
  if (bind(made.listening, &name.any, sizeof name))
    SKIP("no loopback interface for this family");
  CHECK(listen(made.listening, 5) == 0);
  CHECK(getsockname(made.listening, &name.any, &length) == 0);
  made.caller = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(connect(made.caller, &name.any, length) == 0);
  made.called = accept4(made.listening, 0, 0, SOCK_NONBLOCK);
  CHECK(made.called >= 0);
  length = sizeof made.name;
  CHECK(getsockname(made.caller, (void *)&made.name, &length) == 0);
  length = sizeof made.other;
  CHECK(getpeername(made.caller, (void *)&made.other, &length) == 0);
  return made;
}
static void expect(int fd, const char *text, size_t size) {
  static char got[200000];
  CHECK_EQUAL(recv(fd, got, size, MSG_WAITALL), size);
  CHECK(memcmp(got, text, size) == 0);
}
static void same_names(const struct connection *made) {
  struct sockaddr_in6 now;
  socklen_t length = sizeof now;
  CHECK(getsockname(made->caller, (void *)&now, &length) == 0);
  CHECK(memcmp(&now, &made->name, length) == 0);
  length = sizeof now;
  CHECK(getpeername(made->caller, (void *)&now, &length) == 0);
  CHECK(memcmp(&now, &made->other, length) == 0);
  length = sizeof now;
  CHECK(getpeername(made->called, (void *)&now, &length) == 0);
  CHECK(now.sin6_port == made->name.sin6_port);
}
int main(void) {
  static char much[120000];
  struct connection four = make(AF_INET), six = make(AF_INET6);
  struct connection half = make(AF_INET), deaf = make(AF_INET);
  int on = 1;
  for (size_t i = 0; i < sizeof much; i++)
    much[i] = (char)(i * 7 >> 3);
  CHECK(setsockopt(four.caller, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = 77};
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, six.called, &event) == 0);
  CHECK_EQUAL(send(four.caller, "to the called", 13, 0), 13);
  CHECK_EQUAL(send(four.called, "to the caller", 13, 0), 13);
  CHECK_EQUAL(send(six.called, much, sizeof much, 0), sizeof much);
  CHECK_EQUAL(send(half.caller, "last", 4, 0), 4);
  CHECK(shutdown(half.caller, SHUT_WR) == 0);
  CHECK_EQUAL(send(deaf.caller, "before", 6, 0), 6);
  CHECK(shutdown(deaf.called, SHUT_RD) == 0);
  die_and_come_back();
  expect(deaf.called, "before", 6);
  char none;
  CHECK_EQUAL(recv(deaf.called, &none, 1, 0), 0);
  CHECK_EQUAL(send(deaf.called, "still", 5, 0), 5);
  expect(deaf.caller, "still", 5);
  same_names(&four);
  same_names(&six);
  expect(four.called, "to the called", 13);
  expect(four.caller, "to the caller", 13);
  expect(six.caller, much, sizeof much);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 0), 0);
  CHECK_EQUAL(send(six.caller, "more", 4, 0), 4);
  CHECK_EQUAL(epoll_wait(epoll, &event, 1, 10000), 1);
  expect(six.called, "more", 4);
  expect(half.called, "last", 4);
  char end;
  CHECK_EQUAL(recv(half.called, &end, 1, MSG_WAITALL), 0);
  CHECK_EQUAL(send(half.called, "answer", 6, 0), 6);
  expect(half.caller, "answer", 6);
  socklen_t length = sizeof on;
  CHECK(getsockopt(four.caller, IPPROTO_TCP, TCP_NODELAY, &on, &length) == 0 &&
        on == 1);
  CHECK_EQUAL(fcntl(four.caller, F_GETFD), FD_CLOEXEC);
  CHECK(fcntl(four.called, F_GETFL) & O_NONBLOCK);
  /* The port is listened at, too. */
  int another = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(another, (void *)&four.other, sizeof(struct sockaddr_in)) == 0);
  CHECK(accept(four.listening, 0, 0) >= 0);
  return 0;
}
