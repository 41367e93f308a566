// TCP connections inside the program whose names somebody else has meanwhile do
// not come back for who may not force it: the error says which port, nothing of
// the program goes on, and it does when they are free.
// RUN: %behaviour %s -o %t
// RUN: if [ $(id -u) != 0 ]; then bash %S/Inputs/names-taken %hwckpt %python %t; else bash %S/../tools/Inputs/as-nobody bash %S/Inputs/names-taken %hwckpt %python %t || test $? = 77; fi
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int port_of(int fd) {
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  CHECK_EQUAL(getsockname(fd, (struct sockaddr *)&name, &length), 0);
  return ntohs(name.sin_port);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  struct sockaddr_in name = {.sin_family = AF_INET};
  socklen_t length = sizeof name;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listening = socket(AF_INET, SOCK_STREAM, 0), called;
  int caller = socket(AF_INET, SOCK_STREAM, 0);
  /* So that they can be taken at once. */
  int one = 1;
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(setsockopt(i ? caller : listening, SOL_SOCKET, SO_REUSEADDR,
                           &one, sizeof one),
                0);
  CHECK_EQUAL(bind(listening, (struct sockaddr *)&name, sizeof name), 0);
  CHECK_EQUAL(listen(listening, 1), 0);
  CHECK_EQUAL(getsockname(listening, (struct sockaddr *)&name, &length), 0);
  CHECK_EQUAL(connect(caller, (struct sockaddr *)&name, sizeof name), 0);
  CHECK((called = accept(listening, NULL, NULL)) >= 0);
  CHECK_EQUAL(close(listening), 0);
  FILE *ports = fopen(argv[1], "we");
  CHECK(ports && fprintf(ports, "%d %d\n", port_of(caller), port_of(called)));
  CHECK_EQUAL(fclose(ports), 0);
  die_and_come_back();
  char byte = 7;
  CHECK_EQUAL(write(caller, &byte, 1), 1);
  byte = 0;
  CHECK_EQUAL(read(called, &byte, 1), 1);
  CHECK_EQUAL(byte, 7);
  return 7;
}
