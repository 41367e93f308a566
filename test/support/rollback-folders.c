// Directories that are open, and the working directory, removed since the
// checkpoint, are there again after a rollback in place, and what is open are
// those that are there.
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %behaviour %s -o %t && %t 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <sys/stat.h>
static void are_one(const char *a, const char *b) {
  struct stat one, two;
  CHECK(stat(a, &one) == 0 && stat(b, &two) == 0);
  CHECK(one.st_ino == two.st_ino && one.st_nlink > 0);
}
int main(void) {
  char top[4096], folder[4200], open_one[64];
  CHECK(getcwd(top, sizeof top) && mkdir("folder", 0700) == 0);
  snprintf(folder, sizeof folder, "%s/folder", top);
  int fd = open("folder", O_RDONLY | O_DIRECTORY);
  CHECK(fd >= 0 && chdir("folder") == 0);
  snprintf(open_one, sizeof open_one, "/proc/self/fd/%d", fd);
  CHECK(__builtin_ckpt_save() >= 0);
  if (first_time("../once")) {
    CHECK(chdir("..") == 0 && rmdir("folder") == 0);
    roll_back();
  }
  are_one(folder, open_one);
  are_one(folder, ".");
  int file = openat(fd, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
  CHECK(file >= 0 && access("new", F_OK) == 0);
  return 0;
}
