// TCP connections between processes that were closed after the checkpoint, by
// who had called: the kernel keeps that name from others for a minute, whether
// its port is the higher one or not.
// REQUIRES: root
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
enum { MOST = 64 };
static int called[MOST], caller[MOST], count;
static int port_at(int fd) {
  struct sockaddr_in name;
  socklen_t size = sizeof name;
  CHECK(getsockname(fd, (struct sockaddr *)&name, &size) == 0);
  return ntohs(name.sin_port);
}
/* Until both kinds are there. */
static void connect_both_ways(void) {
  int lower = 0;
  for (count = 0; count < MOST && (!lower || lower == count); count++) {
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof name;
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    CHECK(bind(listener, (struct sockaddr *)&name, size) == 0);
    CHECK(listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&name, &size) == 0);
    caller[count] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(caller[count], (struct sockaddr *)&name, size) == 0);
    called[count] = accept(listener, NULL, NULL);
    CHECK(called[count] >= 0 && close(listener) == 0);
    lower += port_at(caller[count]) < port_at(called[count]);
  }
  CHECK(lower && lower < count);
}
static int answer(void) {
  char byte;
  for (int i = 0; i < count; i++)
    CHECK(close(caller[i]) == 0);
  for (int i = 0; i < count; i++)
    while (read(called[i], &byte, 1) == 1)
      CHECK(write(called[i], &byte, 1) == 1);
  return 5;
}
int main(void) {
  int status;
  char byte;
  connect_both_ways();
  pid_t child = fork();
  if (!child)
    _exit(answer());
  for (int i = 0; i < count; i++)
    CHECK(close(called[i]) == 0);
  int back = came_back();
  for (int i = 0; i < count; i++) {
    CHECK(!back || write(caller[i], "x", 1) == 1);
    CHECK(!back || read(caller[i], &byte, 1) == 1);
    CHECK(close(caller[i]) == 0);
  }
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(status, 5 << 8);
  if (!back)
    die();
  return 0;
}
