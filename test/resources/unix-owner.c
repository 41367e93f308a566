// The file of a unix socket comes back with its owner and mode, also where it
// was renamed. Who may not give it away is told so.
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
static void is_owned(const char *path, uid_t user, gid_t group, mode_t mode) {
  struct stat status;
  CHECK(stat(path, &status) == 0 && S_ISSOCK(status.st_mode));
  CHECK_EQUAL(status.st_uid, user);
  CHECK_EQUAL(status.st_gid, group);
  CHECK_EQUAL(status.st_mode & 07777, mode);
}
int main(void) {
  int root = geteuid() == 0;
  uid_t user = root ? 77 : geteuid();
  gid_t group = root ? 88 : getegid();
  bound("a");
  bound("b");
  CHECK_EQUAL(rename("b", "c"), 0);
  CHECK(!root || (chown("a", user, group) == 0 && chown("c", 0, group) == 0));
  CHECK(chmod("a", 0640) == 0 && chmod("c", 0606) == 0);
  die_and_come_back();
  is_owned("a", user, group, 0640);
  is_owned("c", root ? 0 : user, group, 0606);
  return unlink("a") || unlink("c");
}
