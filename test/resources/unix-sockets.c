// Unix sockets without a connection come back: listening, bound, with their
// files and options, datagram sockets with a peer that has a name.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
static socklen_t name_at(struct sockaddr_un *name, const char *text) {
  memset(name, 0, sizeof *name);
  name->sun_family = AF_UNIX;
  memcpy(name->sun_path + (*text == '@'), text + (*text == '@'),
         strlen(text + (*text == '@')));
  return (socklen_t)(sizeof(sa_family_t) + strlen(text) + (*text != '@'));
}
static int bound(int type, const char *text) {
  struct sockaddr_un name;
  socklen_t length = name_at(&name, text);
  int fd = socket(AF_UNIX, type, 0);
  unlink(text);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, length) == 0);
  return fd;
}
static int connected(int type, const char *text) {
  struct sockaddr_un name;
  socklen_t length = name_at(&name, text);
  int fd = socket(AF_UNIX, type, 0);
  CHECK(connect(fd, (struct sockaddr *)&name, length) == 0);
  return fd;
}
static void talk(int listening, int type, const char *text) {
  char byte;
  int there = connected(type, text), here = accept(listening, NULL, NULL);
  CHECK(here >= 0 && write(there, "x", 1) == 1 && read(here, &byte, 1) == 1);
  close(here);
  close(there);
}
static mode_t mode_of(const char *path) {
  struct stat status;
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK(S_ISSOCK(status.st_mode));
  return status.st_mode & 07777;
}
int main(void) {
  char abstract[64], text[8];
  char directory[] = "/tmp/hwckpt-test-unix-XXXXXX";
  int on = 1, waiting[4];
  CHECK(mkdtemp(directory) && chdir(directory) == 0);
  snprintf(abstract, sizeof abstract, "@hwckpt-%d", getpid());
  umask(022);
  int stream = bound(SOCK_STREAM, "stream"),
      packets = bound(SOCK_SEQPACKET, "packets");
  int hidden = bound(SOCK_STREAM, abstract),
      datagrams = bound(SOCK_DGRAM, "datagrams");
  int to = connected(SOCK_DGRAM, "datagrams");
  int fresh = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  CHECK(chmod("stream", 0606) == 0);
  CHECK(listen(stream, 3) == 0 && listen(packets, 7) == 0 &&
        listen(hidden, 1) == 0);
  CHECK(setsockopt(datagrams, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
  talk(stream, SOCK_STREAM, "stream");
  die_and_come_back();
  CHECK_EQUAL(mode_of("stream"), 0606);
  CHECK_EQUAL(mode_of("packets"), 0755);
  talk(stream, SOCK_STREAM, "stream");
  talk(packets, SOCK_SEQPACKET, "packets");
  talk(hidden, SOCK_STREAM, abstract);
  CHECK_EQUAL(send(to, "hello", 5, 0), 5);
  CHECK_EQUAL(recv(datagrams, text, sizeof text, 0), 5);
  socklen_t length = sizeof on;
  CHECK(getsockopt(datagrams, SOL_SOCKET, SO_PASSCRED, &on, &length) == 0 &&
        on == 1);
  CHECK_EQUAL(fcntl(fresh, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(fcntl(fresh, F_GETFD), FD_CLOEXEC);
  // As many may wait as before: one more than listen() was told.
  for (int i = 0; i < 4; i++)
    waiting[i] = connected(SOCK_STREAM, "stream");
  struct sockaddr_un name;
  length = name_at(&name, "stream");
  CHECK(connect(fresh, (struct sockaddr *)&name, length) == -1 &&
        errno == EAGAIN);
  CHECK(waiting[3] >= 0 && close(accept(stream, NULL, NULL)) == 0);
  CHECK_EQUAL(connect(fresh, (struct sockaddr *)&name, length), 0);
  CHECK(unlink("stream") == 0 && unlink("packets") == 0);
  CHECK(unlink("datagrams") == 0 && chdir("/") == 0);
  CHECK_EQUAL(rmdir(directory), 0);
  return 0;
}
