// Unix sockets whose file was removed with its directory come back without one,
// and leave nothing behind; where that directory could not be made for the
// moment, the checkpoint is refused.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
static int bound(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK_EQUAL(listen(fd, 1), 0);
  return fd;
}
static int connected(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
  return fd;
}
static void is_named(int fd, const char *path) {
  struct sockaddr_un name = {0};
  socklen_t size = sizeof name;
  CHECK_EQUAL(getsockname(fd, (struct sockaddr *)&name, &size), 0);
  CHECK(strcmp(name.sun_path, path) == 0);
}
int main(void) {
  char folder[] = "/tmp/hwckpt-gone-XXXXXX", inner[64], path[64];
  CHECK(mkdtemp(folder) != NULL);
  snprintf(inner, sizeof inner, "%s/inner", folder);
  snprintf(path, sizeof path, "%s/inner/s", folder);
  CHECK(mkdir(inner, 0700) == 0 && mkdir("d", 0700) == 0);
  int absolute = bound(path), waits = connected(path), relative = bound("d/s");
  CHECK(unlink(path) == 0 && rmdir(inner) == 0 && rmdir(folder) == 0);
  CHECK(unlink("d/s") == 0 && rmdir("d") == 0);
  /* Where nobody but root makes anything. */
  if (geteuid() != 0) {
    CHECK(mkdir(folder, 0700) == 0 && mkdir(inner, 0700) == 0);
    int shut = bound(path);
    CHECK(unlink(path) == 0 && rmdir(inner) == 0 && chmod(folder, 0500) == 0);
    CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
    CHECK(chmod(folder, 0700) == 0 && rmdir(folder) == 0);
    close(shut);
  }
  die_and_come_back();
  struct stat status;
  is_named(absolute, path);
  is_named(relative, "d/s");
  CHECK(stat(folder, &status) == -1 && errno == ENOENT);
  CHECK(stat("d", &status) == -1 && errno == ENOENT);
  int fd = accept(absolute, NULL, NULL);
  char byte = 0;
  CHECK(send(waits, "x", 1, 0) == 1);
  CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 'x');
  return 0;
}
