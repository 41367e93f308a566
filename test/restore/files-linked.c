// A file that was renamed and given more names after the checkpoint has the one
// that it had, and no other.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E3
#include "behaviour.h"
#include <sys/stat.h>
int main(void) {
  struct stat before, after;
  int fd = open("a", O_WRONLY | O_CREAT, 0600);
  CHECK(fd >= 0 && write(fd, "text", 4) == 4 && close(fd) == 0);
  CHECK(link("a", "also") == 0 && stat("a", &before) == 0);
  if (!came_back()) {
    CHECK(rename("a", "b") == 0 && mkdir("folder", 0700) == 0);
    CHECK(link("b", "folder/c") == 0 && link("b", "c") == 0);
    CHECK(rename("c", "folder/d") == 0 && link("also", "e") == 0);
    die();
  }
  CHECK(stat("a", &after) == 0 && after.st_ino == before.st_ino);
  CHECK_EQUAL(after.st_nlink, 2);
  CHECK(access("b", F_OK) && access("c", F_OK) && access("e", F_OK));
  CHECK(access("folder", F_OK) && access("also", F_OK) == 0);
  return 0;
}
