// Accepted ends have the name of the socket that listens, also in other
// processes than its own: all get it while that one is bound.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && for i in 1 2 3; do %restored -- %t || exit 1; done
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
enum { CHILDREN = 4, CONNECTIONS = 60 };
static struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "name"};

static int is_named(int fd) {
  struct sockaddr_un got;
  socklen_t length = sizeof got;
  memset(&got, 0, sizeof got);
  CHECK(getsockname(fd, (void *)&got, &length) == 0);
  return strcmp(got.sun_path, name.sun_path) == 0;
}
static void pass(int from, int to) {
  char byte;
  CHECK(write(to, "x", 1) == 1 && read(from, &byte, 1) == 1);
}
static void serve(int listener, int up, int down) {
  int ends[CONNECTIONS][2];
  char byte;
  for (int i = 0; i < CONNECTIONS; i++) {
    ends[i][0] = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(ends[i][0], (void *)&name, sizeof name) == 0);
    ends[i][1] = accept(listener, NULL, NULL);
    CHECK(ends[i][1] >= 0);
  }
  CHECK(close(listener) == 0);
  CHECK(write(up, "r", 1) == 1);
  CHECK(read(down, &byte, 1) == 1);
  for (int i = 0; i < CONNECTIONS; i++) {
    CHECK(is_named(ends[i][1]));
    pass(ends[i][0], ends[i][1]);
    pass(ends[i][1], ends[i][0]);
  }
  exit(0);
}
int main(void) {
  int up[2], down[2], status;
  char byte;
  unlink(name.sun_path);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(listener, (void *)&name, sizeof name) == 0);
  CHECK(listen(listener, 1) == 0 && pipe(up) == 0 && pipe(down) == 0);
  for (int i = 0; i < CHILDREN; i++) {
    if (fork() == 0) {
      CHECK(close(down[1]) == 0);
      serve(listener, up[1], down[0]);
    }
    CHECK(read(up[0], &byte, 1) == 1);
  }
  if (!came_back())
    die();
  CHECK(is_named(listener) && access(name.sun_path, F_OK) == 0);
  CHECK(write(down[1], "gggg", CHILDREN) == CHILDREN);
  for (int i = 0; i < CHILDREN; i++)
    CHECK(wait(&status) > 0 && status == 0);
  int caller = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(connect(caller, (void *)&name, sizeof name) == 0);
  int accepted = accept(listener, NULL, NULL);
  pass(caller, accepted);
  return 0;
}
