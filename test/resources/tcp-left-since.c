// A socket that listens gets its port again where connections to it that came
// after the checkpoint have kept it for a minute (TIME_WAIT), over IPv4 and
// IPv6, also where it has any address.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <netinet/in.h>
#include <sys/socket.h>
enum { FOUR, SIX, ANY, KINDS, CALLS = 3 };
static int listening[KINDS];
static struct sockaddr_in6 names[KINDS];
static socklen_t lengths[KINDS];
static void make(int which) {
  struct sockaddr_in6 *name = &names[which];
  int family = which == FOUR ? AF_INET : AF_INET6;
  name->sin6_family = (sa_family_t)family;
  if (which == FOUR)
    ((struct sockaddr_in *)name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else if (which == SIX)
    name->sin6_addr = in6addr_loopback;
  lengths[which] = which == FOUR ? sizeof(struct sockaddr_in) : sizeof *name;
  CHECK((listening[which] = socket(family, SOCK_STREAM, 0)) >= 0);
  if (bind(listening[which], (struct sockaddr *)name, lengths[which]))
    SKIP("no loopback interface for this family");
  CHECK_EQUAL(listen(listening[which], CALLS), 0);
  CHECK_EQUAL(
      getsockname(listening[which], (struct sockaddr *)name, &lengths[which]),
      0);
}
// To any address it is called over IPv4.
static int call(int which) {
  struct sockaddr_in four = {.sin_family = AF_INET,
                             .sin_port = names[which].sin6_port,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int six = which == SIX;
  int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0);
  CHECK_EQUAL(
      connect(fd,
              six ? (struct sockaddr *)&names[which] : (struct sockaddr *)&four,
              six ? sizeof names[which] : sizeof four),
      0);
  return fd;
}
// Closed first at this end.
static void use(int which) {
  char byte;
  int caller = call(which), called = accept(listening[which], 0, 0);
  CHECK(called >= 0 && close(called) == 0);
  CHECK_EQUAL(read(caller, &byte, 1), 0);
  CHECK_EQUAL(close(caller), 0);
}
int main(void) {
  for (int i = 0; i < KINDS; i++)
    make(i);
  if (!came_back()) {
    for (int i = 0; i < KINDS; i++)
      for (int k = 0; k < CALLS; k++)
        use(i);
    die();
  }
  for (int i = 0; i < KINDS; i++)
    use(i);
  return 0;
}
