// SO_PEERCRED of connected unix sockets of a tree tells the process that it
// told before: who connected, who listened, and of a pair who made it, whoever
// has the ends now. One that has ended is in nobody's way.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
enum { ABSTRACT, PACKETS, FILE_NAME, NAMES };
enum { CHILDREN = 3 };
static struct endpoint {
  struct sockaddr_un name;
  socklen_t length;
  int type, listening, accepted[CHILDREN];
} ends[NAMES];
static char folder[64] = "/tmp/hwckpt-test-peer.XXXXXX";
static int ready[2], go[2], between[2], handed[2];
static pid_t parent, children[CHILDREN], gone;

static pid_t peer_of(int fd) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  CHECK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0);
  CHECK(peer.uid == getuid() && peer.gid == getgid());
  return peer.pid;
}
static void make(struct endpoint *end, int which) {
  end->name.sun_family = AF_UNIX;
  end->type = which == PACKETS ? SOCK_SEQPACKET : SOCK_STREAM;
  char *path = end->name.sun_path + (which != FILE_NAME);
  snprintf(path, 90, "%s/%d", folder, which);
  end->length = (socklen_t)(path + strlen(path) - (char *)&end->name);
  CHECK((end->listening = socket(AF_UNIX, end->type, 0)) >= 0);
  CHECK(bind(end->listening, (void *)&end->name, end->length) == 0);
  CHECK(listen(end->listening, 5) == 0);
}
static int call(const struct endpoint *end) {
  int fd = socket(AF_UNIX, end->type, 0);
  CHECK(connect(fd, (void *)&end->name, end->length) == 0);
  return fd;
}
static int accept_at(const struct endpoint *end) {
  int fd = accept(end->listening, 0, 0);
  CHECK(fd >= 0);
  return fd;
}
static void check_name(int fd, const struct endpoint *end, int peer) {
  struct sockaddr_un name;
  socklen_t length = sizeof name;
  CHECK((peer ? getpeername : getsockname)(fd, (void *)&name, &length) == 0);
  size_t wanted = end->length - offsetof(struct sockaddr_un, sun_path);
  CHECK(length >= end->length);
  CHECK(memcmp(name.sun_path, end->name.sun_path, wanted) == 0);
}
static void put(int fd) { CHECK_EQUAL(send(fd, "x", 1, MSG_NOSIGNAL), 1); }
static void expect(int fd) {
  char byte = 0;
  CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 'x');
}
/* Another one, which ends, has connected for it. */
static void connect_by_another(int called[]) {
  int pair[2];
  char byte;
  struct iovec text = {&byte, 1};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(NAMES * sizeof(int))];
  } control = {
      .header = {CMSG_LEN(NAMES * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  struct msghdr message = {.msg_iov = &text,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  pid_t other = fork();
  if (!other) {
    for (int i = 0; i < NAMES; i++)
      called[i] = call(&ends[i]);
    memcpy(CMSG_DATA(&control.header), called, NAMES * sizeof(int));
    CHECK(sendmsg(pair[0], &message, 0) == 1);
    _exit(0);
  }
  CHECK(recvmsg(pair[1], &message, 0) == 1);
  memcpy(called, CMSG_DATA(&control.header), NAMES * sizeof(int));
  CHECK(waitpid(other, 0, 0) == other && !close(pair[0]) && !close(pair[1]));
}
static _Noreturn void be_child(int which) {
  int called[NAMES];
  char byte;
  if (which < CHILDREN - 1)
    for (int i = 0; i < NAMES; i++)
      called[i] = call(&ends[i]);
  else
    connect_by_another(called);
  if (which < 2)
    CHECK(close(between[!which]) == 0);
  for (int i = 0; i < NAMES; i++)
    put(called[i]);
  CHECK(write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1);
  for (int i = 0; i < NAMES; i++) {
    CHECK_EQUAL(peer_of(called[i]), parent);
    check_name(called[i], &ends[i], 1);
    expect(called[i]);
    put(called[i]);
  }
  if (which < 2) {
    CHECK_EQUAL(peer_of(between[which]), parent);
    put(between[which]);
    expect(between[which]);
  }
  _exit(4);
}
/* One end of a pair that a child makes, and both of another, are ours. */
static _Noreturn void hand_over(int to) {
  int made[4];
  char byte = 0;
  struct iovec text = {&byte, 1};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(3 * sizeof(int))];
  } control = {.header = {CMSG_LEN(3 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  struct msghdr message = {.msg_iov = &text,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, made) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, made + 2) == 0);
  memcpy(CMSG_DATA(&control.header), made, 3 * sizeof(int));
  CHECK(sendmsg(to, &message, 0) == 1);
  CHECK(close(made[0]) == 0 && close(made[1]) == 0 && close(made[2]) == 0);
  CHECK(read(go[0], &byte, 1) == 1);
  CHECK_EQUAL(peer_of(made[3]), getpid());
  expect(made[3]);
  _exit(4);
}
static void take_over(int from, int taken[3]) {
  char byte;
  struct iovec text = {&byte, 1};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(3 * sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &text,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  CHECK(recvmsg(from, &message, 0) == 1);
  memcpy(taken, CMSG_DATA(&control.header), 3 * sizeof(int));
}
int main(void) {
  int status, taken[3];
  char byte;
  parent = getpid();
  CHECK(mkdtemp(folder) && pipe(ready) == 0 && pipe(go) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, between) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, handed) == 0);
  for (int i = 0; i < NAMES; i++)
    make(&ends[i], i);
  for (int which = 0; which < CHILDREN; which++) {
    CHECK((children[which] = fork()) >= 0);
    if (!children[which])
      be_child(which);
    CHECK(read(ready[0], &byte, 1) == 1);
    for (int i = 0; i < NAMES; i++)
      ends[i].accepted[which] = accept_at(&ends[i]);
  }
  CHECK(close(between[0]) == 0 && close(between[1]) == 0);
  CHECK((gone = fork()) >= 0);
  if (!gone)
    hand_over(handed[1]);
  take_over(handed[0], taken);
  pid_t other = peer_of(ends[0].accepted[CHILDREN - 1]);
  CHECK(other != parent && other != children[CHILDREN - 1]);
  if (!came_back()) {
    for (int which = 0; which < CHILDREN; which++)
      CHECK(!kill(children[which], SIGKILL) &&
            waitpid(children[which], 0, 0) == children[which]);
    CHECK(!kill(gone, SIGKILL) && waitpid(gone, 0, 0) == gone);
    die();
  }
  for (int i = 0; i < NAMES; i++)
    for (int which = 0; which < CHILDREN; which++) {
      int fd = ends[i].accepted[which];
      if (which < CHILDREN - 1)
        CHECK_EQUAL(peer_of(fd), children[which]);
      check_name(fd, &ends[i], 0);
      expect(fd);
      put(fd);
    }
  CHECK_EQUAL(peer_of(taken[0]), gone);
  CHECK_EQUAL(peer_of(taken[1]), gone);
  CHECK_EQUAL(peer_of(taken[2]), gone);
  put(taken[0]);
  expect(taken[1]);
  put(taken[2]);
  CHECK_EQUAL(peer_of(handed[0]), parent);
  CHECK(write(go[1], "gggg", 4) == 4);
  for (int which = 0; which <= CHILDREN; which++)
    CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 4);
  for (int i = 0; i < NAMES; i++) {
    int again = call(&ends[i]), accepted = accept_at(&ends[i]);
    put(again);
    expect(accepted);
  }
  CHECK(unlink(ends[FILE_NAME].name.sun_path) == 0 && rmdir(folder) == 0);
  return 0;
}
