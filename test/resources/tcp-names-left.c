// A TCP connection inside the program comes back with its names also where the
// killed program has left them behind for a minute (TIME_WAIT) at the end that
// called, which closed first.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <netinet/in.h>
#include <sys/socket.h>
enum { TRIES = 100, HIGH = 60 };
static int caller, called;
static struct sockaddr_in names[2];
static void names_now(struct sockaddr_in *own, struct sockaddr_in *peer) {
  socklen_t length = sizeof *own;
  CHECK_EQUAL(getsockname(caller, (struct sockaddr *)own, &length), 0);
  CHECK_EQUAL(getpeername(caller, (struct sockaddr *)peer, &length), 0);
}
// The end with the higher port is the one that calls in the restored program.
static int connect_higher(void) {
  struct sockaddr_in name = {.sin_family = AF_INET};
  socklen_t length = sizeof name;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK((caller = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(listening >= 0);
  CHECK_EQUAL(bind(listening, (struct sockaddr *)&name, sizeof name), 0);
  CHECK_EQUAL(listen(listening, 1), 0);
  CHECK_EQUAL(getsockname(listening, (struct sockaddr *)&name, &length), 0);
  CHECK_EQUAL(connect(caller, (struct sockaddr *)&name, sizeof name), 0);
  CHECK((called = accept(listening, NULL, NULL)) >= 0);
  CHECK_EQUAL(close(listening), 0);
  int first = dup2(caller, HIGH); /* is closed first by the kernel */
  CHECK_EQUAL(close(caller), 0);
  CHECK_EQUAL(caller = first, HIGH);
  names_now(&names[0], &names[1]);
  return ntohs(names[0].sin_port) > ntohs(names[1].sin_port);
}
int main(void) {
  struct sockaddr_in own, peer;
  char byte;
  for (int i = 0; !connect_higher(); i++) {
    CHECK(i < TRIES);
    CHECK_EQUAL(close(called), 0);
    CHECK_EQUAL(close(caller), 0);
  }
  die_and_come_back();
  names_now(&own, &peer);
  CHECK(memcmp(&own, &names[0], sizeof own) == 0);
  CHECK(memcmp(&peer, &names[1], sizeof peer) == 0);
  CHECK_EQUAL(write(caller, "x", 1), 1);
  CHECK_EQUAL(read(called, &byte, 1), 1);
  CHECK_EQUAL(write(called, "y", 1), 1);
  CHECK_EQUAL(read(caller, &byte, 1), 1);
  CHECK_EQUAL(byte, 'y');
  return 0;
}
