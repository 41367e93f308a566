// A program comes back in the root directory that it has made its own, which
// has no /proc: with what it had open there and elsewhere, and with files that
// it changed since taken back, by the names that it has for them. A rollback in
// place is refused, and so are checkpoints with a socket that has a name there
// or a child that was born there.
// RUN: %behaviour %s -o %t && %by_all bash %S/Inputs/another-root %hwckpt %t %s
// CHECK: HWCKPT-E325: {{.*}}the program has another root directory
// CHECK: HWCKPT-E208: {{.*}}a name in another root directory
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static void put(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0 && write(fd, text, strlen(text)) == (long)strlen(text));
  close(fd);
}

static void is(const char *name, const char *text) {
  char got[64] = "";
  int fd = open(name, O_RDONLY);
  CHECK(fd >= 0 && read(fd, got, sizeof got - 1) >= 0);
  CHECK(strcmp(got, text) == 0);
  close(fd);
}

static void change(void) {
  put("/inner/absolute", "changed");
  put("relative", "changed");
  put("/by-folder/linked", "changed");
  put("by-link", "changed");
  put("/by-root", "changed");
  put("new", "changed");
  CHECK(unlink("/inner/removed") == 0);
  CHECK(rename("/inner/renamed", "away") == 0);
}

static void is_as_it_was(const struct stat *root) {
  struct stat now;
  char folder[64];
  CHECK(stat("/", &now) == 0 && now.st_ino == root->st_ino);
  CHECK(stat("/..", &now) == 0 && now.st_ino == root->st_ino);
  CHECK(access("/proc", F_OK) < 0);
  CHECK(getcwd(folder, sizeof folder) && strcmp(folder, "/inner") == 0);
  is("/inner/absolute", "1");
  is("relative", "2");
  is("linked", "3");
  is("removed", "4");
  is("renamed", "5");
  is("link-target", "6");
  is("root-target", "7");
  CHECK(access("new", F_OK) < 0 && access("away", F_OK) < 0);
}

int main(void) {
  struct stat root;
  int status;
  CHECK(mkdir("root", 0700) == 0 && mkdir("root/inner", 0700) == 0);
  int outside = open("outside", O_RDWR | O_CREAT, 0600);
  CHECK(outside >= 0 && write(outside, "outside", 7) == 7);
  CHECK_EQUAL(came_back(), 0);
  if (chroot("root") < 0)
    SKIP("needs the right to change the root directory");
  CHECK(chdir("/inner") == 0 && stat("/", &root) == 0);
  put("absolute", "1");
  put("relative", "2");
  put("linked", "3");
  put("removed", "4");
  put("renamed", "5");
  put("link-target", "6");
  put("root-target", "7");
  CHECK(symlink("/inner", "/by-folder") == 0);
  CHECK(symlink("link-target", "by-link") == 0);
  CHECK(symlink("/inner/root-target", "/by-root") == 0);
  int inside = open("/inner/log", O_RDWR | O_CREAT | O_APPEND, 0600);
  CHECK(inside >= 0 && write(inside, "log", 3) == 3);

  for (int i = 0; i < 2; i++) {
    if (!came_back()) {
      change();
      CHECK(write(inside, "more", 4) == 4);
      die();
    }
    is_as_it_was(&root);
    is("log", "log");
    CHECK_EQUAL(lseek(outside, 0, SEEK_CUR), 7);
  }
  CHECK_EQUAL(__builtin_ckpt_load(), -ENOTSUP);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/socket"};
  int socket_here = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(socket_here, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
  CHECK(close(socket_here) == 0);
  pid_t child = fork();
  if (child == 0)
    for (;;)
      pause();
  double begin = now();
  CHECK(__builtin_ckpt_save() < 0);
  CHECK(now() - begin < 60); /* else nobody has answered */
  CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
  return 0;
}
