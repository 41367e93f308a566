// Datagrams that wait in UDP sockets come back in their order, with the
// addresses they came from: of sockets of the program, of one that is closed,
// of itself, before the socket had a peer; empty ones too. For root also of
// another machine.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
struct place {
  struct sockaddr_in6 name;
  socklen_t length;
  int fd;
};
static bool make(struct place *place, int domain, bool anywhere) {
  struct sockaddr_in *four = (void *)&place->name;
  place->length = domain == AF_INET ? sizeof *four : sizeof place->name;
  place->name.sin6_family = (sa_family_t)domain;
  if (!anywhere && domain == AF_INET6)
    place->name.sin6_addr = in6addr_loopback;
  if (!anywhere && domain == AF_INET)
    four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  place->fd = socket(domain, SOCK_DGRAM, 0);
  if (place->fd < 0 || bind(place->fd, (void *)&place->name, place->length))
    return false;
  CHECK_EQUAL(getsockname(place->fd, (void *)&place->name, &place->length), 0);
  if (anywhere && domain == AF_INET6)
    place->name.sin6_addr = in6addr_loopback;
  if (anywhere && domain == AF_INET)
    four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return true;
}
static void put(const struct place *from, const struct place *to,
                const char *text) {
  CHECK_EQUAL(
      sendto(from->fd, text, strlen(text), 0, (void *)&to->name, to->length),
      strlen(text));
}
static void expect(const struct place *at, const char *text,
                   const struct place *from) {
  struct sockaddr_in6 name = {0};
  socklen_t length = sizeof name;
  char got[64] = "";
  CHECK_EQUAL(
      recvfrom(at->fd, got, sizeof got, MSG_DONTWAIT, (void *)&name, &length),
      strlen(text));
  CHECK(strcmp(got, text) == 0);
  CHECK_EQUAL(length, from->length);
  CHECK(memcmp(&name, &from->name, length) == 0);
}
/* Another machine's address; false: it is not for us to take. */
static bool make_foreign(struct place *place) {
  struct sockaddr_in *four = (void *)&place->name;
  int on = 1;
  place->length = sizeof *four;
  four->sin_family = AF_INET;
  four->sin_port = htons(4321);
  four->sin_addr.s_addr = inet_addr("192.0.2.1");
  CHECK((place->fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
  return !setsockopt(place->fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) &&
         !bind(place->fd, (void *)four, sizeof *four);
}
static struct place foreign;
static struct place at[4], sender[4], closed[4];
int main(void) {
  bool there[4], is_root = false;
  for (int i = 0; i < 4; i++) {
    int domain = i & 1 ? AF_INET6 : AF_INET;
    there[i] = make(&sender[i], domain, false);
    if (!there[i])
      continue;
    CHECK(make(&at[i], domain, i & 2) && make(&closed[i], domain, false));
    put(&sender[i], &at[i], "first");
    put(&closed[i], &at[i], "from one that is closed");
    put(&sender[i], &at[i], "");
    put(&at[i], &at[i], "from itself");
    put(&sender[i], &at[i], "last");
    if (!i && (is_root = make_foreign(&foreign)))
      put(&foreign, &at[i], "from far away");
    close(closed[i].fd);
    CHECK(!connect(at[i].fd, (void *)&sender[i].name, sender[i].length));
  }
  CHECK(there[0]);
  close(foreign.fd);
  die_and_come_back();
  for (int i = 0; i < 4; i++) {
    if (!there[i])
      continue;
    int reuse = -1;
    socklen_t length = sizeof reuse;
    expect(&at[i], "first", &sender[i]);
    expect(&at[i], "from one that is closed", &closed[i]);
    expect(&at[i], "", &sender[i]);
    expect(&at[i], "from itself", &at[i]);
    expect(&at[i], "last", &sender[i]);
    if (!i && is_root)
      expect(&at[i], "from far away", &foreign);
    struct pollfd none = {at[i].fd, POLLIN, 0};
    CHECK_EQUAL(poll(&none, 1, 0), 0);
    put(&sender[i], &at[i], "later");
    expect(&at[i], "later", &sender[i]);
    CHECK(!getsockopt(at[i].fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &length));
    CHECK_EQUAL(reuse, 0);
  }
  return 0;
}
