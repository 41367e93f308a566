// Unix connections that nobody has accepted yet are there to be accepted, in
// their order, those of a process of the tree and those of the one that
// listens, one that was half closed, and one that was closed meanwhile. With
// bytes in one a checkpoint is refused, as long as they are there.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %t bytes 2>%t.err && FileCheck %s <%t.err
// CHECK: HWCKPT-E208: {{.*}}: descriptor {{[0-9]+}}: bytes for who has not accepted the connection yet
#include "behaviour.h"
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
static int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
enum { KINDS = 2 };
static int listening[KINDS], first[KINDS], third[KINDS], watch[KINDS];
static struct sockaddr_un names[KINDS];
static socklen_t lengths[KINDS];
static pid_t child;
static int ready[2];
static void make(int which, const char *folder) {
  names[which].sun_family = AF_UNIX;
  /* One is of a file, the other abstract. */
  char *path = names[which].sun_path + which;
  snprintf(path, 90, "%s/%d", folder, which);
  lengths[which] = (socklen_t)(path + strlen(path) - (char *)&names[which]);
  CHECK((listening[which] = socket(AF_UNIX, types[which], 0)) >= 0);
  CHECK(!bind(listening[which], (void *)&names[which], lengths[which]));
  CHECK(listen(listening[which], 8) == 0);
  struct epoll_event event = {.events = EPOLLIN};
  CHECK((watch[which] = epoll_create1(0)) >= 0);
  CHECK(!epoll_ctl(watch[which], EPOLL_CTL_ADD, listening[which], &event));
}
static int call(int which) {
  int fd = socket(AF_UNIX, types[which], 0);
  CHECK(fd >= 0);
  CHECK(connect(fd, (void *)&names[which], lengths[which]) == 0);
  return fd;
}
static void put(int fd, const char *text) {
  CHECK_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}
static void expect(int fd, const char *text) {
  char got[32] = "";
  CHECK_EQUAL(recv(fd, got, strlen(text), 0), strlen(text));
  CHECK(strcmp(got, text) == 0);
}
static _Noreturn void be_child(void) {
  int called[KINDS];
  for (int i = 0; i < KINDS; i++)
    called[i] = call(i);
  CHECK(write(ready[1], "r", 1) == 1);
  for (int i = 0; i < KINDS; i++) {
    expect(called[i], "welcome");
    put(called[i], "second");
  }
  _exit(4);
}
static void look(int which) {
  struct epoll_event event;
  struct ucred peer;
  socklen_t length = sizeof peer;
  char byte;
  CHECK_EQUAL(epoll_wait(watch[which], &event, 1, 0), 1);
  int one = accept(listening[which], 0, 0);
  put(first[which], "first");
  expect(one, "first");
  CHECK(!getsockopt(one, SOL_SOCKET, SO_PEERCRED, &peer, &length));
  CHECK(peer.uid == getuid() && peer.gid == getgid());
  int two = accept(listening[which], 0, 0);
  put(two, "welcome");
  expect(two, "second");
  int three = accept(listening[which], 0, 0);
  CHECK_EQUAL(recv(three, &byte, 1, 0), 0);
  put(three, "half");
  expect(third[which], "half");
  int four = accept(listening[which], 0, 0);
  CHECK_EQUAL(recv(four, &byte, 1, 0), 0);
  CHECK_EQUAL(epoll_wait(watch[which], &event, 1, 0), 0);
}
static void check_refusal(void) {
  put(first[0], "early");
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  int one = accept(listening[0], 0, 0);
  expect(one, "early");
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
}
int main(int argc, char **argv) {
  char folder[64] = "/tmp/hwckpt-test-waiting.XXXXXX", byte;
  int status;
  (void)argv;
  CHECK(mkdtemp(folder) && pipe(ready) == 0);
  for (int i = 0; i < KINDS; i++) {
    make(i, folder);
    first[i] = call(i);
  }
  if (argc > 1) {
    check_refusal();
  } else {
    CHECK((child = fork()) >= 0);
    if (!child)
      be_child();
    CHECK(read(ready[0], &byte, 1) == 1);
    for (int i = 0; i < KINDS; i++) {
      third[i] = call(i);
      CHECK(shutdown(third[i], SHUT_WR) == 0 && close(call(i)) == 0);
    }
    if (!came_back()) {
      CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
      die();
    }
    for (int i = 0; i < KINDS; i++)
      look(i);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
  }
  CHECK(unlink(names[0].sun_path) == 0 && rmdir(folder) == 0);
  return 0;
}
