// See Inputs/tree-files-stranger.py.
// RUN: test $(id -u) = 0 || { echo "SKIP: only root can be somebody else"; exit 77; }
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %python %S/Inputs/tree-files-stranger.py %hwckpt %t
#include "behaviour.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
// One of the tree, whose nonsense is not answered either.
static void send_nonsense(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char said[9000] = "nonsense";
  memcpy(address.sun_path + 1, name, strlen(name));
  for (size_t size = 1; size <= sizeof said; size *= 3) {
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK(connect(fd, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                              strlen(name))) == 0);
    CHECK(send(fd, said, size, MSG_NOSIGNAL) == (ssize_t)size);
    CHECK(recv(fd, said, 10, 0) <= 0 && close(fd) == 0);
  }
}
static void append(const char *text) {
  int fd = open("kept", O_WRONLY | O_CREAT | O_APPEND, 0600);
  CHECK(fd >= 0 && write(fd, text, 1) == 1 && close(fd) == 0);
}
int main(void) {
  char name[64], content[64] = "";
  append("b");
  if (!came_back()) {
    CHECK(puts("ready") > 0 && fflush(stdout) == 0);
    CHECK(fgets(name, sizeof name, stdin));
    name[strcspn(name, "\n")] = 0;
    double begin = now();
    for (int i = 0; i < 20; i++) {
      int status;
      pid_t child = fork();
      if (!child) {
        if (i == 5)
          send_nonsense(name);
        append("c");
        _exit(0);
      }
      CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    CHECK(puts(now() - begin < 10 ? "quick" : "slow") > 0);
    CHECK(fflush(stdout) == 0);
    die();
  }
  int fd = open("kept", O_RDONLY);
  CHECK(fd >= 0 && read(fd, content, sizeof content) == 1 && *content == 'b');
  return 0;
}
