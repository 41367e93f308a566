// TCP sockets that listen at one address, which they were bound to with
// SO_REUSEPORT, come back when some or all have switched that off since; also
// when a connection waits in one of them, and of two families.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %restored_by_all -- %t waits
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
enum { SOCKETS = 3, GROUPS = 3 };
static const struct {
  int family, keeps; /* the one that keeps it */
} groups[GROUPS] = {{AF_INET, 0}, {AF_INET, -1}, {AF_INET6, 2}};
static int fds[GROUPS][SOCKETS], calls[GROUPS][SOCKETS];
static struct sockaddr_in6 names[GROUPS];

static int option(int fd, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  CHECK_EQUAL(getsockopt(fd, SOL_SOCKET, name, &value, &length), 0);
  return value;
}
static void share(int which, int value) {
  for (int i = 0; i < SOCKETS; i++)
    if (value || i != groups[which].keeps)
      CHECK_EQUAL(setsockopt(fds[which][i], SOL_SOCKET, SO_REUSEPORT, &value,
                             sizeof value),
                  0);
}
static void make(int which) {
  struct sockaddr_in6 *name = &names[which];
  socklen_t length = sizeof *name;
  name->sin6_family = (sa_family_t)groups[which].family;
  if (groups[which].family == AF_INET6)
    name->sin6_addr = in6addr_loopback;
  else
    ((struct sockaddr_in *)name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < SOCKETS; i++)
    CHECK((fds[which][i] = socket(groups[which].family, SOCK_STREAM, 0)) >= 0);
  share(which, 1);
  for (int i = 0; i < SOCKETS; i++) {
    if (bind(fds[which][i], (void *)name, sizeof *name))
      SKIP("no loopback interface for this family");
    CHECK_EQUAL(listen(fds[which][i], 8), 0);
    CHECK_EQUAL(getsockname(fds[which][i], (void *)name, &length), 0);
  }
  share(which, 0);
}
static void look_at(int which) {
  for (int i = 0; i < SOCKETS; i++) {
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    CHECK_EQUAL(getsockname(fds[which][i], (void *)&name, &length), 0);
    CHECK(name.sin6_port == names[which].sin6_port);
    CHECK_EQUAL(option(fds[which][i], SO_REUSEPORT), i == groups[which].keeps);
    CHECK_EQUAL(option(fds[which][i], SO_REUSEADDR), 0);
    CHECK_EQUAL(option(fds[which][i], SO_ACCEPTCONN), 1);
  }
}
static void call(int which) {
  for (int i = 0; i < SOCKETS; i++) {
    calls[which][i] = socket(groups[which].family, SOCK_STREAM, 0);
    CHECK_EQUAL(
        connect(calls[which][i], (void *)&names[which], sizeof names[which]),
        0);
  }
}
/* Whichever of them each was given to. */
static void accept_all(int which) {
  int accepted = 0;
  for (int i = 0; i < SOCKETS; i++) {
    CHECK_EQUAL(fcntl(fds[which][i], F_SETFL, O_NONBLOCK), 0);
    while (accept(fds[which][i], 0, 0) >= 0)
      accepted++;
  }
  CHECK_EQUAL(accepted, SOCKETS);
}
int main(int argc, char **argv) {
  (void)argv;
  for (int i = 0; i < GROUPS; i++) {
    make(i);
    if (argc > 1)
      call(i);
  }
  die_and_come_back();
  for (int i = 0; i < GROUPS; i++) {
    look_at(i);
    if (argc == 1)
      call(i);
    accept_all(i);
  }
  return 0;
}
