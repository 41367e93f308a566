// Unix connections by name between processes of a tree and inside one come back
// with what is queued and with their names; who listened is there for others.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
enum { ABSTRACT, FILE_NAME, PACKETS, KINDS };
static struct endpoint {
  struct sockaddr_un name;
  socklen_t length;
  int type, listening, accepted, own, far, watch;
} ends[KINDS];
static char folder[64] = "/tmp/hwckpt-test-unix.XXXXXX";
static int ready[2];
static pid_t child;
static int call(struct endpoint *end) {
  int fd = socket(AF_UNIX, end->type, 0);
  CHECK(connect(fd, (void *)&end->name, end->length) == 0);
  return fd;
}
static void put(int fd, const char *text) {
  CHECK_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}
static void expect(int fd, const char *text) {
  char got[64] = "";
  CHECK_EQUAL(recv(fd, got, strlen(text), 0), strlen(text));
  CHECK(strcmp(got, text) == 0);
}
static void make(struct endpoint *end, int which) {
  end->name.sun_family = AF_UNIX;
  end->type = which == PACKETS ? SOCK_SEQPACKET : SOCK_STREAM;
  char *path = end->name.sun_path + (which == ABSTRACT);
  snprintf(path, 90, "%s/%d", folder, which);
  end->length = (socklen_t)(path + strlen(path) - (char *)&end->name);
  CHECK((end->listening = socket(AF_UNIX, end->type, 0)) >= 0);
  CHECK(bind(end->listening, (void *)&end->name, end->length) == 0);
  CHECK(listen(end->listening, 5) == 0);
}
static void check_name(int fd, const struct endpoint *end, int peer) {
  struct sockaddr_un name;
  socklen_t length = sizeof name;
  CHECK((peer ? getpeername : getsockname)(fd, (void *)&name, &length) == 0);
  size_t wanted = end->length - offsetof(struct sockaddr_un, sun_path);
  CHECK(length >= end->length);
  CHECK(memcmp(name.sun_path, end->name.sun_path, wanted) == 0);
}
static _Noreturn void be_child(void) {
  int called[KINDS];
  for (int i = 0; i < KINDS; i++) {
    close(ends[i].accepted);
    close(ends[i].own);
    called[i] = call(&ends[i]);
    put(called[i], "from the child");
  }
  close(ready[0]);
  CHECK(write(ready[1], "r", 1) == 1);
  for (int i = 0; i < KINDS; i++) {
    expect(called[i], "down");
    check_name(called[i], &ends[i], 1);
    put(called[i], "and up");
  }
  _exit(4);
}
static void look(struct endpoint *end) {
  struct epoll_event event;
  struct ucred peer;
  socklen_t length = sizeof peer;
  check_name(end->far, end, 0);
  check_name(end->accepted, end, 0);
  check_name(end->own, end, 1);
  CHECK(getsockopt(end->far, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0);
  CHECK(peer.uid == getuid() && peer.gid == getgid());
  CHECK_EQUAL(epoll_wait(end->watch, &event, 1, 0), 1);
  expect(end->far, "from the child");
  CHECK_EQUAL(epoll_wait(end->watch, &event, 1, 0), 0);
  put(end->far, "down");
  CHECK_EQUAL(epoll_wait(end->watch, &event, 1, 10000), 1);
  expect(end->far, "and up");
  expect(end->accepted, "inside");
  put(end->accepted, "back");
  expect(end->own, "back");
  int again = call(end), taken = accept(end->listening, 0, 0);
  CHECK(taken >= 0);
  put(again, "anew");
  expect(taken, "anew");
}
int main(void) {
  int status;
  char byte;
  CHECK(mkdtemp(folder));
  for (int i = 0; i < KINDS; i++) {
    make(&ends[i], i);
    ends[i].own = call(&ends[i]);
    CHECK((ends[i].accepted = accept(ends[i].listening, 0, 0)) >= 0);
    put(ends[i].own, "inside");
  }
  CHECK(pipe(ready) == 0 && (child = fork()) >= 0);
  if (!child)
    be_child();
  close(ready[1]);
  for (int i = 0; i < KINDS; i++) {
    struct epoll_event event = {.events = EPOLLIN};
    CHECK((ends[i].far = accept(ends[i].listening, 0, 0)) >= 0);
    CHECK((ends[i].watch = epoll_create1(0)) >= 0);
    CHECK(!epoll_ctl(ends[i].watch, EPOLL_CTL_ADD, ends[i].far, &event));
  }
  CHECK(read(ready[0], &byte, 1) == 1);
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    die();
  }
  for (int i = 0; i < KINDS; i++)
    look(&ends[i]);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
  CHECK(unlink(ends[FILE_NAME].name.sun_path) == 0);
  CHECK(unlink(ends[PACKETS].name.sun_path) == 0 && rmdir(folder) == 0);
  return 0;
}
