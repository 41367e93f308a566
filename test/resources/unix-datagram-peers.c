// Datagram sockets with names that are connected to each other come back so, in
// one process and in two, with paths, relative ones, and without a file
// (abstract).
// RUN: rm -rf %t.folder && mkdir %t.folder && %behaviour %s -o %t
// RUN: cd %t.folder && %restored_by_all -- %t
#include "behaviour.h"
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
enum { PATH, RELATIVE, ABSTRACT, KINDS };
static struct end {
  struct sockaddr_un name;
  socklen_t length;
  int fd;
} inside[KINDS][2], apart[KINDS][2];
static char folder[64] = "/tmp/hwckpt-test-peers.XXXXXX";

static void make(struct end *end, int kind, const char *name) {
  int is_abstract = kind == ABSTRACT;
  char *path = end->name.sun_path + is_abstract;
  if (end->fd) // it is made already
    return;
  end->name.sun_family = AF_UNIX;
  snprintf(path, 90, "%s%s%s", kind == RELATIVE ? "" : folder,
           kind == RELATIVE ? "" : "/", name);
  end->length =
      (socklen_t)(path + strlen(path) + !is_abstract - (char *)&end->name);
  CHECK((end->fd = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
  if (kind == RELATIVE)
    unlink(path);
  CHECK_EQUAL(bind(end->fd, (struct sockaddr *)&end->name, end->length), 0);
}
static void link_to(const struct end *end, const struct end *other) {
  CHECK_EQUAL(
      connect(end->fd, (const struct sockaddr *)&other->name, other->length),
      0);
}
static void put(const struct end *end, const char *text) {
  CHECK_EQUAL(send(end->fd, text, 4, 0), 4);
}
static void expect(const struct end *end, const char *text) {
  char got[8] = "";
  CHECK_EQUAL(recv(end->fd, got, sizeof got, 0), 4);
  CHECK(strcmp(got, text) == 0);
}
// The first ends are the parent's.
static _Noreturn void be_child(int ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int kind = 0; kind < KINDS; kind++) {
    close(apart[kind][0].fd);
    make(&apart[kind][1], kind, "second");
    link_to(&apart[kind][1], &apart[kind][0]);
  }
  CHECK(write(ready, &apart, sizeof apart) == sizeof apart);
  for (int kind = 0; kind < KINDS; kind++) {
    expect(&apart[kind][1], "call");
    put(&apart[kind][1], "back");
  }
  _exit(4);
}
int main(void) {
  int ready[2], status;
  CHECK(mkdtemp(folder) && pipe(ready) == 0);
  for (int kind = 0; kind < KINDS; kind++) {
    make(&inside[kind][0], kind, "one");
    make(&inside[kind][1], kind, "other");
    make(&apart[kind][0], kind, "first");
    for (int which = 0; which < 2; which++)
      link_to(&inside[kind][which], &inside[kind][!which]);
  }
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child)
    be_child(ready[1]);
  CHECK(read(ready[0], &apart, sizeof apart) == sizeof apart);
  for (int kind = 0; kind < KINDS; kind++)
    link_to(&apart[kind][0], &apart[kind][1]);
  if (!came_back()) {
    CHECK(!kill(child, SIGKILL) && waitpid(child, 0, 0) == child);
    die();
  }
  alarm(60); // or a failure would last
  for (int kind = 0; kind < KINDS; kind++) {
    for (int which = 0; which < 2; which++) {
      put(&inside[kind][which], "self");
      expect(&inside[kind][!which], "self");
    }
    put(&apart[kind][0], "call");
    expect(&apart[kind][0], "back");
  }
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
  const char *const left[] = {"one", "other", "first", "second"};
  for (int i = 0; i < 4; i++) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, left[i]);
    CHECK(unlink(path) == 0);
  }
  CHECK(rmdir(folder) == 0);
  return 0;
}
