// What the program did to the names of its unix sockets after the checkpoint is
// taken back, also where a file was renamed before, or to its first name again.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/un.h>
static struct sockaddr_un named(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  return name;
}
static void bound(const char *path) {
  struct sockaddr_un name = named(path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK_EQUAL(listen(fd, 1), 0);
}
static int reached(const char *path) {
  struct sockaddr_un name = named(path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(fd, (struct sockaddr *)&name, sizeof name) ? errno : 0;
}
int main(void) {
  bound("plain");
  bound("a");
  bound("b");
  bound("c");
  CHECK(!rename("a", "a.now") && !rename("b", "b.now") &&
        !rename("c", "c.now"));
  int result = __builtin_ckpt_save();
  CHECK(result >= 0);
  if (result == 0) {
    CHECK(!rename("plain", "later") && !rename("a.now", "a.later"));
    CHECK(!unlink("b.now") && !rename("c.now", "c"));
    die();
  }
  static const char *const there[] = {"plain", "a.now", "b.now", "c.now"};
  static const char *const gone[] = {"later", "a", "a.later", "b", "c"};
  for (int i = 0; i < 4; i++)
    CHECK(reached(there[i]) == 0 && unlink(there[i]) == 0);
  for (int i = 0; i < 5; i++)
    CHECK_EQUAL(reached(gone[i]), ENOENT);
}
