// Where a file was a folder is made after the checkpoint, and things in it: the
// file is there again, at a restore and at a rollback, also where it was moved
// into that folder; the folder and what was made in it are gone.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t 2>&1 | FileCheck --allow-empty %s
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %t back 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E3
#include "behaviour.h"
#include <sys/stat.h>
static void make(const char *name) {
  int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && write(fd, name, 1) == 1 && close(fd) == 0);
}
static void is_file(const char *name, ino_t inode) {
  struct stat status;
  CHECK(stat(name, &status) == 0 && S_ISREG(status.st_mode));
  CHECK(!inode || status.st_ino == inode);
}
static ino_t inode_of(const char *name) {
  struct stat status;
  CHECK_EQUAL(stat(name, &status), 0);
  return status.st_ino;
}
int main(int count, char **words) {
  (void)words;
  make("moved");
  make("inside");
  make("removed");
  ino_t moved = inode_of("moved"), inside = inode_of("inside");
  CHECK(__builtin_ckpt_save() >= 0);
  is_file("moved", moved);
  is_file("inside", inside);
  is_file("removed", 0);
  CHECK(access("aside", F_OK) && access("again", F_OK));
  if (!first_time("once"))
    return 0;
  CHECK(rename("moved", "aside") == 0 && mkdir("moved", 0700) == 0);
  make("moved/new");
  CHECK(rename("inside", "again") == 0);
  CHECK(mkdirat(AT_FDCWD, "inside", 0700) == 0 && mkdir("inside/a", 0700) == 0);
  CHECK(rename("again", "inside/a/file") == 0);
  CHECK(unlink("removed") == 0 && mkdir("removed", 0700) == 0);
  make("removed/new");
  for (int i = 0; i < 3; i++) {
    make("again");
    CHECK(unlink("again") == 0 && mkdir("again", 0700) == 0);
    CHECK(i == 2 || rmdir("again") == 0);
  }
  if (count > 1)
    roll_back();
  die();
}
