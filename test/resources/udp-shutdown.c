// UDP sockets that were shut down in one direction or both are so again, others
// are not; one that collects datagrams (UDP_CORK) does so again.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

/* A socket that is its own peer. */
static int make(int domain) {
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  } name = {.any.sa_family = (sa_family_t)domain};
  socklen_t length = sizeof name;
  int fd = socket(domain, SOCK_DGRAM, 0);
  if (domain == AF_INET)
    name.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else
    name.six.sin6_addr = in6addr_loopback;
  if (fd < 0 || bind(fd, &name.any, sizeof name))
    SKIP("no loopback interface for this family");
  CHECK(getsockname(fd, &name.any, &length) == 0);
  CHECK(connect(fd, &name.any, length) == 0);
  return fd;
}

static void expect(int fd, int receives, int sends) {
  char got[8];
  struct pollfd look = {fd, POLLRDHUP, 0};
  poll(&look, 1, 0);
  CHECK_EQUAL((look.revents & POLLRDHUP) != 0, !receives);
  CHECK_EQUAL((look.revents & POLLHUP) != 0, !receives && !sends);
  CHECK_EQUAL(send(fd, "abc", 3, MSG_NOSIGNAL), sends ? 3 : -1);
  if (receives && sends)
    CHECK_EQUAL(recv(fd, got, sizeof got, 0), 3);
  if (!receives && !sends)
    CHECK_EQUAL(recv(fd, got, sizeof got, 0), 0);
}

int main(void) {
  int domains[] = {AF_INET, AF_INET6}, fds[2][4], on = 1;
  socklen_t length = sizeof on;
  for (int i = 0; i < 2; i++)
    for (int how = 0; how < 4; how++) {
      fds[i][how] = make(domains[i]);
      if (how < 3)
        CHECK(shutdown(fds[i][how], how) == 0);
    }
  int unconnected = socket(AF_INET, SOCK_DGRAM, 0), corked = make(AF_INET);
  struct sockaddr_in name = {.sin_family = AF_INET};
  CHECK(bind(unconnected, (void *)&name, sizeof name) == 0);
  CHECK(shutdown(unconnected, SHUT_RD) == -1 && errno == ENOTCONN);
  CHECK(setsockopt(corked, IPPROTO_UDP, UDP_CORK, &on, sizeof on) == 0);
  die_and_come_back();
  for (int i = 0; i < 2; i++) {
    expect(fds[i][SHUT_RD], 0, 1);
    expect(fds[i][SHUT_WR], 1, 0);
    expect(fds[i][SHUT_RDWR], 0, 0);
    expect(fds[i][3], 1, 1);
  }
  struct pollfd look = {unconnected, POLLRDHUP, 0};
  CHECK_EQUAL(poll(&look, 1, 0), 1); /* as without us */
  on = 0;
  CHECK(getsockopt(corked, IPPROTO_UDP, UDP_CORK, &on, &length) == 0);
  CHECK_EQUAL(on, 1);
  char got[16];
  CHECK_EQUAL(send(corked, "abc", 3, 0), 3);
  CHECK_EQUAL(send(corked, "def", 3, 0), 3);
  on = 0;
  CHECK(setsockopt(corked, IPPROTO_UDP, UDP_CORK, &on, sizeof on) == 0);
  CHECK_EQUAL(recv(corked, got, sizeof got, 0), 6);
  return 0;
}
