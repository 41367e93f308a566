// Unix sockets whose file was renamed after it was bound, as servers do that
// replace theirs at once: they are reached where the file is, with the name
// that was bound, who waits and what has arrived.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
static struct sockaddr_un named(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  return name;
}
static int bound(const char *path, int type) {
  struct sockaddr_un name = named(path);
  int fd = socket(AF_UNIX, type, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(type == SOCK_DGRAM || listen(fd, 3) == 0);
  return fd;
}
static int connected(const char *path, int type) {
  struct sockaddr_un name = named(path);
  int fd = socket(AF_UNIX, type, 0);
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
static void has_mode(const char *path, mode_t mode) {
  struct stat status;
  CHECK(lstat(path, &status) == 0 && S_ISSOCK(status.st_mode));
  CHECK_EQUAL(status.st_mode & 07777, mode);
}
int main(void) {
  char folder[] = "/tmp/hwckpt-renamed-XXXXXX", old[64], first[64], second[64];
  char away[200] = "", deep[64];
  struct stat status;
  CHECK(mkdtemp(folder) && chdir(folder) == 0);
  snprintf(old, sizeof old, "%s/.new", folder);
  snprintf(first, sizeof first, "%s/first", folder);
  snprintf(second, sizeof second, "%s/second", folder);
  snprintf(deep, sizeof deep, "%s/deep", folder);
  /* Two that had the same name after each other. */
  int one = bound(old, SOCK_STREAM);
  CHECK(rename(old, first) == 0 && chmod(first, 0610) == 0);
  int two = bound(old, SOCK_SEQPACKET);
  CHECK_EQUAL(rename(old, second), 0);
  int waits = connected(first, SOCK_STREAM);
  int datagrams = bound("d", SOCK_DGRAM);
  CHECK_EQUAL(rename("d", "datagrams"), 0);
  int sender = connected("datagrams", SOCK_DGRAM);
  CHECK_EQUAL(send(sender, "x", 1, 0), 1);
  /* To another directory, where the kernel tells root alone, and by a path that
   * is longer than a name can be. */
  int may_ask = geteuid() == 0, far = -1;
  if (may_ask) {
    CHECK_EQUAL(mkdir("deep", 0700), 0);
    snprintf(away, sizeof away, "%s/%0120d", deep, 7);
    far = bound("far", SOCK_STREAM);
    CHECK(rename("far", away) == 0 && chdir("/") == 0);
  }
  die_and_come_back();
  CHECK(lstat(old, &status) == -1 && errno == ENOENT);
  has_mode(first, 0610);
  is_named(one, old);
  talks(waits, accept(one, NULL, NULL));
  is_named(two, old);
  int fd = connected(first, SOCK_STREAM);
  talks(fd, accept(one, NULL, NULL));
  fd = connected(second, SOCK_SEQPACKET);
  talks(fd, accept(two, NULL, NULL));
  CHECK_EQUAL(chdir(folder), 0);
  is_named(datagrams, "d");
  char byte = 0;
  CHECK(recv(datagrams, &byte, 1, MSG_DONTWAIT) == 1 && byte == 'x');
  fd = connected("datagrams", SOCK_DGRAM);
  talks(fd, datagrams);
  if (may_ask) {
    is_named(far, "far");
    CHECK(lstat("far", &status) == -1 && lstat("/far", &status) == -1);
    CHECK_EQUAL(chdir("deep"), 0);
    snprintf(away, sizeof away, "%0120d", 7);
    CHECK_EQUAL(rename(away, "s"), 0);
    fd = connected("s", SOCK_STREAM);
    talks(fd, accept(far, NULL, NULL));
    CHECK(unlink("s") == 0 && chdir("..") == 0 && rmdir("deep") == 0);
  }
  CHECK(unlink("first") == 0 && unlink("second") == 0);
  CHECK_EQUAL(unlink("datagrams"), 0);
  return rmdir(folder);
}
