// A file that is changed by a name that it was given after the checkpoint, and
// that is moved on, holds again what it did, at a restore and at a rollback.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t 2>&1 | FileCheck --allow-empty %s
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %t back 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E3
#include "behaviour.h"
static void write_to(const char *name, const char *text, int flags) {
  int fd = open(name, O_WRONLY | flags, 0600);
  CHECK(fd >= 0 && write(fd, text, 3) == 3 && close(fd) == 0);
}
static void holds(const char *name, const char *text) {
  char now[8] = "";
  int fd = open(name, O_RDONLY);
  CHECK(fd >= 0 && read(fd, now, sizeof now) == 3 && close(fd) == 0);
  CHECK(strcmp(now, text) == 0);
}
int main(int count, char **words) {
  (void)words;
  write_to("a", "one", O_CREAT | O_EXCL);
  write_to("b", "two", O_CREAT | O_EXCL);
  CHECK(__builtin_ckpt_save() >= 0);
  holds("a", "one");
  holds("b", "two");
  CHECK(access("new", F_OK) && access("moved", F_OK) && access("open", F_OK));
  if (!first_time("once"))
    return 0;
  CHECK_EQUAL(link("a", "new"), 0);
  write_to("new", "new", O_TRUNC);
  CHECK_EQUAL(rename("new", "moved"), 0);
  CHECK_EQUAL(linkat(AT_FDCWD, "b", AT_FDCWD, "new", 0), 0);
  write_to("new", "new", 0);
  CHECK_EQUAL(unlink("new"), 0);
  int fd = open(".", O_TMPFILE | O_WRONLY, 0600);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CHECK(fd < 0 ||
        linkat(AT_FDCWD, path, AT_FDCWD, "open", AT_SYMLINK_FOLLOW) == 0);
  if (count > 1)
    roll_back();
  die();
}
