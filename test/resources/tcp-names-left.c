// TCP connections inside the program come back with their names also where the
// killed program has left them behind for a minute (TIME_WAIT), at whichever
// end was closed first: also those of one port, and of an address that is not
// of the loopback network, whose names the kernel does not use again before; by
// who may not force it (TCP_REPAIR).
// RUN: %behaviour %s -o %t && %restored_by_all -- %t caller 127.0.0.1
// RUN: %restored_by_all -- %t called 127.0.0.1
// RUN: bash %src/test/tools/Inputs/needs-namespaces && unshare -rn %t address unshare -r %restored -- %t caller 192.0.2.1
// RUN: unshare -rn %t address unshare -r %restored -- %t called 192.0.2.1
#include "behaviour.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
enum { PAIRS = 3, FIRST = 60 };

static struct pair {
  int caller, called;
  struct sockaddr_in names[2];
} pairs[PAIRS];

static void names_now(const struct pair *pair, struct sockaddr_in names[2]) {
  socklen_t length = sizeof *names;
  CHECK_EQUAL(getsockname(pair->caller, (struct sockaddr *)&names[0], &length),
              0);
  CHECK_EQUAL(getpeername(pair->caller, (struct sockaddr *)&names[1], &length),
              0);
}

static int move(int fd, int to) {
  CHECK_EQUAL(dup2(fd, to), to);
  CHECK_EQUAL(close(fd), 0);
  return to;
}

/* The kernel closes descriptors in their order. */
static void connect_all(int callers_first, const char *address) {
  struct sockaddr_in name = {.sin_family = AF_INET};
  socklen_t length = sizeof name;
  CHECK(inet_pton(AF_INET, address, &name.sin_addr) == 1);
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(listening >= 0);
  CHECK_EQUAL(bind(listening, (struct sockaddr *)&name, sizeof name), 0);
  CHECK_EQUAL(listen(listening, PAIRS), 0);
  CHECK_EQUAL(getsockname(listening, (struct sockaddr *)&name, &length), 0);
  for (int i = 0; i < PAIRS; i++) {
    struct pair *pair = &pairs[i];
    CHECK((pair->caller = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK_EQUAL(connect(pair->caller, (struct sockaddr *)&name, sizeof name),
                0);
    CHECK((pair->called = accept(listening, NULL, NULL)) >= 0);
    pair->caller = move(pair->caller, FIRST + i + !callers_first * PAIRS);
    pair->called = move(pair->called, FIRST + i + callers_first * PAIRS);
    names_now(pair, pair->names);
  }
  CHECK_EQUAL(close(listening), 0);
}

static void is_as_before(const struct pair *pair) {
  struct sockaddr_in names[2];
  char byte;
  names_now(pair, names);
  CHECK(memcmp(names, pair->names, sizeof names) == 0);
  CHECK_EQUAL(write(pair->caller, "x", 1), 1);
  CHECK_EQUAL(read(pair->called, &byte, 1), 1);
  CHECK_EQUAL(write(pair->called, "y", 1), 1);
  CHECK_EQUAL(read(pair->caller, &byte, 1), 1);
  CHECK_EQUAL(byte, 'y');
}

/* In a network of its own. */
static void give_address(const char *address) {
  struct ifreq request = {.ifr_name = "lo"};
  struct sockaddr_in name = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(fd >= 0 && inet_pton(AF_INET, address, &name.sin_addr) == 1);
  memcpy(&request.ifr_addr, &name, sizeof name);
  CHECK_EQUAL(ioctl(fd, SIOCSIFADDR, &request), 0);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  CHECK_EQUAL(ioctl(fd, SIOCSIFFLAGS, &request), 0);
  CHECK_EQUAL(close(fd), 0);
}

int main(int argc, char **argv) {
  CHECK(argc >= 3);
  if (strcmp(argv[1], "address") == 0) {
    give_address("192.0.2.1");
    execvp(argv[2], argv + 2);
    return 1;
  }
  connect_all(strcmp(argv[1], "caller") == 0, argv[2]);
  die_and_come_back();
  for (int i = 0; i < PAIRS; i++)
    is_as_before(&pairs[i]);
  return 0;
}
