// A TCP socket that is connected to itself comes back so, under its name, with
// what it has sent and not read, and what had no room yet.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

union name {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};
struct end {
  int fd;
  union name name;
};

// Who may not, cannot look at what had no room (E208), nor free a name that the
// killed program leaves behind.
static int may_repair(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  int may = setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) == 0;
  close(fd);
  return may;
}
static struct end make(int domain) {
  struct end made = {0};
  int reuse = !may_repair();
  union name *name = &made.name;
  socklen_t length = sizeof *name;
  name->any.sa_family = (sa_family_t)domain;
  if (domain == AF_INET)
    name->four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else
    name->six.sin6_addr = in6addr_loopback;
  made.fd = socket(domain, SOCK_STREAM, 0);
  CHECK(made.fd < 0 || setsockopt(made.fd, SOL_SOCKET, SO_REUSEADDR, &reuse,
                                  sizeof reuse) == 0);
  if (made.fd < 0 || bind(made.fd, &name->any, sizeof *name))
    SKIP("no loopback interface for this family");
  CHECK(getsockname(made.fd, &name->any, &length) == 0);
  CHECK(connect(made.fd, &name->any, length) == 0);
  return made;
}
static void look_at(const struct end *end) {
  union name own = {0}, peer = {0};
  socklen_t length = sizeof own, peer_length = sizeof peer;
  CHECK(getsockname(end->fd, &own.any, &length) == 0);
  CHECK(getpeername(end->fd, &peer.any, &peer_length) == 0);
  CHECK(memcmp(&own, &end->name, sizeof own) == 0);
  CHECK(memcmp(&own, &peer, sizeof own) == 0);
}
static char much[8 << 20];
static char byte_at(size_t at) { return (char)(at * 7 >> 3); }

int main(void) {
  struct end four = make(AF_INET), six = make(AF_INET6), full = make(AF_INET);
  struct end empty = make(AF_INET);
  int on = 1;
  for (size_t i = 0; i < sizeof much; i++)
    much[i] = byte_at(i);
  CHECK(setsockopt(four.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  CHECK_EQUAL(send(four.fd, "for itself", 10, 0), 10);
  CHECK_EQUAL(send(six.fd, much, 50000, 0), 50000);
  size_t sent = 0, most = may_repair() ? sizeof much : 30000;
  ssize_t more;
  while ((more = send(full.fd, much + sent, most - sent, MSG_DONTWAIT)) > 0)
    sent += (size_t)more;
  CHECK(sent < sizeof much);
  die_and_come_back();
  alarm(60); // or a failure would last
  look_at(&four);
  look_at(&six);
  look_at(&full);
  look_at(&empty);
  memset(much, 0, sizeof much);
  CHECK_EQUAL(recv(four.fd, much, sizeof much, 0), 10);
  CHECK(memcmp(much, "for itself", 10) == 0);
  CHECK_EQUAL(recv(six.fd, much, 50000, MSG_WAITALL), 50000);
  for (size_t i = 0; i < 50000; i++)
    CHECK(much[i] == byte_at(i));
  CHECK_EQUAL(recv(full.fd, much, sent, MSG_WAITALL), sent);
  for (size_t i = 0; i < sent; i++)
    CHECK(much[i] == byte_at(i));
  const int all[] = {four.fd, six.fd, full.fd, empty.fd};
  for (int i = 0; i < 4; i++) {
    char text[8];
    CHECK_EQUAL(recv(all[i], text, sizeof text, MSG_DONTWAIT), -1);
    CHECK_EQUAL(send(all[i], "again", 5, 0), 5);
    CHECK_EQUAL(recv(all[i], text, 5, MSG_WAITALL), 5);
  }
  socklen_t length = sizeof on;
  CHECK(getsockopt(four.fd, IPPROTO_TCP, TCP_NODELAY, &on, &length) == 0);
  CHECK_EQUAL(on, 1);
  // It can be closed as any: the end is read.
  CHECK(shutdown(empty.fd, SHUT_WR) == 0);
  CHECK_EQUAL(recv(empty.fd, &on, 1, 0), 0);
  return 0;
}
