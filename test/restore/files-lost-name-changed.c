// A file that is changed after the checkpoint and then loses the name that it
// was changed by, when nobody knows where its others are, is there again with
// what it held, also for who has it open, as a file of its own; that is said.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t 2>&1 | FileCheck %s
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %t back 2>&1 | FileCheck %s
// CHECK-NOT: HWCKPT-E3
// CHECK: HWCKPT-E315: {{.*}}/cut: it is a file of its own now
// CHECK: HWCKPT-E315: {{.*}}/grown: it is a file of its own now
// CHECK-NOT: HWCKPT-E3
// CHECK: passed
#include "behaviour.h"
#include <sys/stat.h>
static int make(const char *name, const char *other) {
  int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && write(fd, name, strlen(name)) == (long)strlen(name));
  CHECK_EQUAL(link(name, other), 0);
  return fd;
}
static void is_back(int fd, const char *name) {
  char text[16] = "";
  struct stat open, there;
  CHECK(fstat(fd, &open) == 0 && stat(name, &there) == 0);
  CHECK_EQUAL(open.st_ino, there.st_ino);
  CHECK(pread(fd, text, sizeof text, 0) > 0 && !strcmp(text, name));
}
int main(int count, char **words) {
  (void)words;
  CHECK_EQUAL(mkdir("folder", 0700), 0);
  int cut = make("cut", "folder/cut"), grown = make("grown", "folder/grown");
  CHECK(__builtin_ckpt_save() >= 0);
  if (!first_time("once")) {
    is_back(cut, "cut");
    is_back(grown, "grown");
    CHECK_EQUAL(write(2, "passed\n", 7), 7);
    return 0;
  }
  CHECK(ftruncate(cut, 1) == 0 && unlink("cut") == 0);
  CHECK(write(grown, "more", 4) == 4 && unlink("grown") == 0);
  CHECK_EQUAL(pwrite(grown, "G", 1, 0), 1);
  if (count > 1)
    roll_back();
  die();
}
