// Names of unix sockets in the file system: one that is relative to where the
// program was then, one whose file was removed, also with another socket in its
// place, and who waits to be accepted there.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
static int bound(const char *path, int listens) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(!listens || listen(fd, 3) == 0);
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
static void talks(int one, int other) {
  char byte = 0;
  CHECK_EQUAL(send(one, "x", 1, 0), 1);
  CHECK(recv(other, &byte, 1, 0) == 1 && byte == 'x');
}
int main(void) {
  char folder[] = "/tmp/hwckpt-names-XXXXXX", path[64], again[64], all[80];
  CHECK(mkdtemp(folder) && chdir(folder) == 0);
  snprintf(path, sizeof path, "%s/removed", folder);
  snprintf(again, sizeof again, "%s/replaced", folder);
  snprintf(all, sizeof all, "%s/relative", folder);
  /* Whose file it is the kernel tells to root alone. */
  int may_ask = geteuid() == 0;
  int relative = may_ask ? bound("relative", 1) : -1;
  int removed = bound(path, 1), waits = connected(path);
  int replaced = bound(again, 1);
  CHECK(unlink(path) == 0 && unlink(again) == 0);
  int other = may_ask ? bound(again, 1) : -1;
  CHECK((!may_ask || chmod(all, 0620) == 0) && chdir("/") == 0);
  die_and_come_back();
  struct stat status;
  CHECK(stat(path, &status) == -1 && errno == ENOENT);
  is_named(removed, path);
  talks(waits, accept(removed, NULL, NULL));
  is_named(replaced, again);
  if (may_ask) {
    is_named(relative, "relative");
    CHECK(stat(all, &status) == 0 && (status.st_mode & 07777) == 0620);
    CHECK(stat("/relative", &status) == -1);
    int fd = connected(again);
    talks(fd, accept(other, NULL, NULL));
    fd = connected(all);
    talks(fd, accept(relative, NULL, NULL));
  }
  unlink("/relative");
  unlink(all);
  unlink(again);
  return rmdir(folder);
}
