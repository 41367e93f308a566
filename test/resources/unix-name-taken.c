// Unix sockets whose name another of the program has taken since come back, and
// what waited in each is in it again: a connection, and a datagram.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/un.h>
static struct sockaddr_un name_at(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  return name;
}
static int bound(int type, const char *path) {
  struct sockaddr_un name = name_at(path);
  int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(type == SOCK_DGRAM || listen(fd, 3) == 0);
  return fd;
}
static int called(int type, const char *path) {
  struct sockaddr_un name = name_at(path);
  int fd = socket(AF_UNIX, type, 0);
  CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
  return fd;
}
static void send_to(const char *path, const char *text) {
  int fd = called(SOCK_DGRAM, path);
  CHECK(send(fd, text, 4, 0) == 4);
  close(fd);
}
static void expect(int fd, const char *text) {
  char got[8] = "";
  CHECK_EQUAL(recv(fd, got, sizeof got, 0), 4);
  CHECK(strcmp(got, text) == 0);
}
static void expect_one(int listening, int caller, const char *text) {
  int fd = accept(listening, NULL, NULL);
  CHECK(fd >= 0 && send(caller, text, 4, 0) == 4);
  expect(fd, text);
  CHECK(accept(listening, NULL, NULL) == -1);
}
int main(void) {
  static char folder[] = "/tmp/hwckpt-taken-XXXXXX", stream[64], packets[64];
  CHECK(mkdtemp(folder));
  strcat(strcpy(stream, folder), "/stream");
  strcat(strcpy(packets, folder), "/packets");
  int listening[2], callers[2], receiving[2];
  for (int i = 0; i < 2; i++) {
    CHECK(i == 0 || (unlink(stream) == 0 && unlink(packets) == 0));
    listening[i] = bound(SOCK_STREAM, stream);
    callers[i] = called(SOCK_STREAM, stream);
    receiving[i] = bound(SOCK_DGRAM, packets);
    send_to(packets, i ? "next" : "text");
  }
  die_and_come_back();
  expect_one(listening[0], callers[0], "one.");
  expect_one(listening[1], callers[1], "two.");
  expect(receiving[0], "text");
  expect(receiving[1], "next");
  send_to(packets, "here");
  expect(receiving[1], "here");
  char none;
  for (int i = 0; i < 2; i++)
    CHECK(recv(receiving[i], &none, 1, 0) == -1);
  CHECK(unlink(stream) == 0 && unlink(packets) == 0 && rmdir(folder) == 0);
  return 0;
}
