// A watch of a symbolic link itself, not of what it leads to.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/inotify.h>
#include <sys/stat.h>

int main(void) {
  char event[512], folder[] = "/tmp/hwckpt-test-link.XXXXXX";
  CHECK(mkdtemp(folder) && chdir(folder) == 0);
  CHECK(close(open("file", O_CREAT | O_WRONLY, 0600)) == 0);
  CHECK(symlink("file", "link") == 0);
  int fd = inotify_init1(IN_NONBLOCK);
  CHECK(inotify_add_watch(fd, "link",
                          IN_ATTRIB | IN_DELETE_SELF | IN_DONT_FOLLOW) > 0);
  die_and_come_back();
  CHECK(chmod("file", 0640) == 0);
  CHECK(read(fd, event, sizeof event) < 0);
  CHECK(unlink("link") == 0);
  CHECK(read(fd, event, sizeof event) > 0);
  CHECK(unlink("file") == 0 && rmdir(folder) == 0);
  return 0;
}
