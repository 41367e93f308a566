// Datagrams that wait in a unix socket with a name come back in their order,
// with their senders' names, those of sockets that are closed among them, and
// with descriptors on their way.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// Of a sender that another process has, the name is not given again.
// RUN: %restored_by_all -- %t child 2>&1 | FileCheck %s
// CHECK: HWCKPT-E318: {{.*}}: the name of who sent what is queued
#include "behaviour.h"
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
static char folder[64] = "/tmp/hwckpt-test-datagrams.XXXXXX";
struct place {
  struct sockaddr_un name;
  socklen_t length;
  int fd;
};
static struct place file, abstract, sender, closed;
static int ends[2];
static void make(struct place *place, const char *name, int is_abstract) {
  place->name.sun_family = AF_UNIX;
  char *path = place->name.sun_path + is_abstract;
  snprintf(path, 90, "%s/%s", folder, name);
  place->length = (socklen_t)(path + strlen(path) - (char *)&place->name);
  CHECK((place->fd = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
  CHECK(bind(place->fd, (void *)&place->name, place->length) == 0);
}
static void put(int fd, const struct place *to, const char *text) {
  CHECK_EQUAL(sendto(fd, text, strlen(text), 0, (void *)&to->name, to->length),
              strlen(text));
}
static void expect(const struct place *at, const char *text,
                   const struct place *from) {
  struct sockaddr_un name;
  socklen_t length = sizeof name;
  char got[32] = "";
  CHECK_EQUAL(
      recvfrom(at->fd, got, sizeof got, MSG_DONTWAIT, (void *)&name, &length),
      strlen(text));
  CHECK(strcmp(got, text) == 0);
  if (!from) {
    CHECK(length <= sizeof(sa_family_t));
    return;
  }
  CHECK(length >= from->length);
  CHECK(memcmp(&name, &from->name, from->length) == 0);
}
static void send_end(void) {
  union {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {"end", 3};
  struct msghdr message = {.msg_name = &abstract.name,
                           .msg_namelen = abstract.length,
                           .msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  control.head.cmsg_level = SOL_SOCKET;
  control.head.cmsg_type = SCM_RIGHTS;
  control.head.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.head), &ends[0], sizeof(int));
  CHECK_EQUAL(sendmsg(sender.fd, &message, 0), 3);
}
static void take_end(void) {
  union {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  char got[8], byte;
  int end;
  struct iovec part = {got, sizeof got};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  CHECK_EQUAL(recvmsg(abstract.fd, &message, MSG_DONTWAIT), 3);
  CHECK_EQUAL(message.msg_controllen, CMSG_SPACE(sizeof(int)));
  memcpy(&end, CMSG_DATA(&control.head), sizeof end);
  CHECK(write(ends[1], "x", 1) == 1 && read(end, &byte, 1) == 1);
}
/* Of a child that has its name by then, the bytes alone. */
static pid_t make_child(int ready[2]) {
  struct place own = {.fd = -1};
  char byte;
  CHECK(pipe(ready) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child) {
    CHECK(read(ready[0], &byte, 1) == 1);
    return child;
  }
  make(&own, "child", 1);
  put(own.fd, &file, "from a child");
  CHECK(write(ready[1], "r", 1) == 1);
  CHECK_EQUAL(recv(own.fd, &byte, 1, 0), 1);
  _exit(byte);
}
int main(int argc, char **argv) {
  int ready[2], status, on = 1;
  pid_t child = 0;
  (void)argv;
  CHECK(mkdtemp(folder) && pipe(ends) == 0);
  make(&file, "file", 0);
  make(&abstract, "abstract", 1);
  make(&sender, "sender", 0);
  make(&closed, "closed", 1);
  /* The kernel names one that has this and sends before it has a name. */
  CHECK(!setsockopt(sender.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
  int nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
  for (int i = 0; i < 2; i++) {
    const struct place *to = i ? &abstract : &file;
    put(sender.fd, to, "from a file");
    put(closed.fd, to, "from one that is closed");
    put(nameless, to, "from nobody");
    put(to->fd, to, "from itself");
  }
  send_end();
  CHECK(close(closed.fd) == 0 && close(ends[0]) == 0);
  if (argc > 1)
    child = make_child(ready);
  if (!came_back()) {
    if (child)
      CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    die();
  }
  for (int i = 0; i < 2; i++) {
    const struct place *at = i ? &abstract : &file;
    expect(at, "from a file", &sender);
    expect(at, "from one that is closed", &closed);
    expect(at, "from nobody", 0);
    expect(at, "from itself", at);
  }
  take_end();
  if (child) {
    struct place to = {.name.sun_family = AF_UNIX};
    expect(&file, "from a child", 0);
    snprintf(to.name.sun_path + 1, 90, "%s/child", folder);
    to.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                            strlen(to.name.sun_path + 1));
    put(sender.fd, &to, "\5");
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
  }
  struct pollfd none[] = {{file.fd, POLLIN, 0}, {abstract.fd, POLLIN, 0}};
  CHECK_EQUAL(poll(none, 2, 0), 0);
  put(sender.fd, &file, "later");
  expect(&file, "later", &sender);
  CHECK(unlink(file.name.sun_path) == 0 && unlink(sender.name.sun_path) == 0);
  CHECK(rmdir(folder) == 0);
  return 0;
}
