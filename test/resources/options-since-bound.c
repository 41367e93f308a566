// Sockets come back that were bound with options which were switched off since:
// addresses of no interface (IP_FREEBIND, IP_TRANSPARENT), and addresses that
// several have (SO_REUSEADDR).
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct name {
  struct sockaddr_in6 is; // or the smaller one of IPv4
  socklen_t length;
};

static struct name name_at(const char *address, in_port_t port) {
  struct name name = {0};
  struct sockaddr_in *four = (void *)&name.is;
  name.is.sin6_port = port; // at the same place in both
  if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
    name.is.sin6_family = AF_INET;
    name.length = sizeof *four;
  } else {
    CHECK(inet_pton(AF_INET6, address, &name.is.sin6_addr) == 1);
    name.is.sin6_family = AF_INET6;
    name.length = sizeof name.is;
  }
  return name;
}
static struct name name_of(int fd) {
  struct name name = {.length = sizeof name.is};
  CHECK(getsockname(fd, (struct sockaddr *)&name.is, &name.length) == 0);
  return name;
}
static int set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}
static int get(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  CHECK(getsockopt(fd, level, name, &value, &length) == 0);
  return value;
}

// A descriptor that is bound with the option, which is off again; -1: the
// machine has it not, or he may not.
static int bound_with(int type, struct name name, int level, int option) {
  int fd = socket(name.is.sin6_family, type, 0);
  if (fd < 0)
    return -1;
  if (set(fd, level, option, 1) < 0) {
    close(fd);
    return -1;
  }
  CHECK(bind(fd, (struct sockaddr *)&name.is, name.length) == 0);
  CHECK(set(fd, level, option, 0) == 0);
  return fd;
}

enum { FREE = 6, SHARED = 4 };
static int free_bound[FREE], shared[2][SHARED];
static struct name names[FREE];

static void bind_freely(void) {
  const int types[] = {SOCK_STREAM, SOCK_DGRAM};
  struct name four = name_at("192.0.2.1", 0), six = name_at("2001:db8::1", 0);
  for (int i = 0; i < 2; i++) {
    int *to = &free_bound[3 * i];
    to[0] = bound_with(types[i], four, IPPROTO_IP, IP_FREEBIND);
    to[1] = bound_with(types[i], six, IPPROTO_IPV6, IPV6_FREEBIND);
    to[2] = bound_with(types[i], four, IPPROTO_IP, IP_TRANSPARENT);
  }
  CHECK(free_bound[0] >= 0 && listen(free_bound[0], 3) == 0);
  for (int i = 0; i < FREE; i++)
    if (free_bound[i] >= 0)
      names[i] = name_of(free_bound[i]);
}
// Of streams the one of number `listens` does, which it may with others there.
static void share(int fds[SHARED], int type, int listens) {
  struct name name = name_at("127.0.0.1", 0);
  for (int i = 0; i < SHARED; i++) {
    CHECK((fds[i] = socket(AF_INET, type, 0)) >= 0);
    CHECK(set(fds[i], SOL_SOCKET, SO_REUSEADDR, 1) == 0);
    CHECK(bind(fds[i], (struct sockaddr *)&name.is, name.length) == 0);
    name = name_of(fds[i]);
  }
  if (type == SOCK_STREAM)
    CHECK(listen(fds[listens], 1) == 0);
  for (int i = 1; i < SHARED; i++) // one keeps it
    CHECK(set(fds[i], SOL_SOCKET, SO_REUSEADDR, 0) == 0);
}
static void look_at(const int fds[SHARED], int listens) {
  struct name name = name_of(fds[0]);
  for (int i = 0; i < SHARED; i++) {
    CHECK(name_of(fds[i]).is.sin6_port == name.is.sin6_port);
    CHECK_EQUAL(get(fds[i], SOL_SOCKET, SO_REUSEADDR), i == 0);
    CHECK_EQUAL(get(fds[i], SOL_SOCKET, SO_ACCEPTCONN), i == listens);
  }
}

int main(void) {
  bind_freely();
  share(shared[0], SOCK_STREAM, 1);
  share(shared[1], SOCK_DGRAM, -1);
  die_and_come_back();
  for (int i = 0; i < FREE; i++) {
    if (free_bound[i] < 0)
      continue;
    struct name now = name_of(free_bound[i]);
    CHECK(memcmp(&now.is, &names[i].is, sizeof now.is) == 0);
    CHECK_EQUAL(get(free_bound[i], IPPROTO_IP, IP_FREEBIND), 0);
    CHECK_EQUAL(get(free_bound[i], IPPROTO_IP, IP_TRANSPARENT), 0);
  }
  CHECK_EQUAL(get(free_bound[0], SOL_SOCKET, SO_ACCEPTCONN), 1);
  look_at(shared[0], 1);
  look_at(shared[1], -1);
  struct name name = name_of(shared[0][0]);
  int there = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(there, (struct sockaddr *)&name.is, name.length) == 0);
  CHECK(accept(shared[0][1], NULL, NULL) >= 0);
  return 0;
}
