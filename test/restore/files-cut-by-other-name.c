// A file with several names that is open by one of them and cut by another
// after the checkpoint is as long as it was, at a restore and at a rollback;
// also where the name that it was cut by is gone by then.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t 2>&1 | FileCheck --allow-empty %s
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %t back 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E3
#include "behaviour.h"
#include <sys/stat.h>
enum { LENGTH = 5000 };
static int make(const char *name, const char *other) {
  static const char bytes[LENGTH] = {[0 ... LENGTH - 1] = 'x'};
  int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && write(fd, bytes, LENGTH) == LENGTH);
  CHECK_EQUAL(link(name, other), 0);
  return fd;
}
static void is_whole(int fd, const char *name, const char *other) {
  char bytes[LENGTH + 1];
  struct stat open, by, by_other;
  CHECK_EQUAL(pread(fd, bytes, sizeof bytes, 0), LENGTH);
  CHECK(bytes[0] == 'x' && bytes[LENGTH - 1] == 'x');
  CHECK(!fstat(fd, &open) && !stat(name, &by) && !stat(other, &by_other));
  CHECK(open.st_ino == by.st_ino && by.st_ino == by_other.st_ino);
}
int main(int count, char **words) {
  (void)words;
  CHECK_EQUAL(mkdir("folder", 0700), 0);
  int a = make("a", "also"), b = make("b", "folder/b"), c = make("c", "c2");
  CHECK(__builtin_ckpt_save() >= 0);
  is_whole(a, "a", "also");
  is_whole(b, "b", "folder/b");
  is_whole(c, "c", "c2");
  if (!first_time("once"))
    return 0;
  CHECK(truncate("also", 10) == 0 && truncate("folder/b", 0) == 0);
  CHECK(truncate("c2", 10) == 0 && unlink("c2") == 0);
  if (count > 1)
    roll_back();
  die();
}
