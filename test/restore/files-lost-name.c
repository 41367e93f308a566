// A file that loses one of several names after the checkpoint has it again, at
// a restore and at a rollback; with what it held where nobody could know where
// the other names are, as a file of its own.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t 2>&1 | FileCheck --allow-empty %s
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %t back 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E3
#include "behaviour.h"
#include <sys/stat.h>
static void make(const char *name, const char *other) {
  int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && write(fd, name, 1) == 1 && close(fd) == 0);
  CHECK(!other || link(name, other) == 0);
}
static void change(const char *name) {
  int fd = open(name, O_WRONLY | O_APPEND);
  CHECK(fd >= 0 && pwrite(fd, "!", 1, 0) == 1 && close(fd) == 0);
}
static void holds(const char *name, char what) {
  char text[4] = "";
  int fd = open(name, O_RDONLY);
  CHECK(fd >= 0 && read(fd, text, sizeof text) == 1 && close(fd) == 0);
  CHECK_EQUAL(*text, what);
}
static void are_one(const char *name, const char *other) {
  struct stat one, two;
  holds(name, *name);
  CHECK(stat(name, &one) == 0 && stat(other, &two) == 0);
  CHECK(one.st_ino == two.st_ino && one.st_nlink == 2);
}
int main(int count, char **words) {
  (void)words;
  CHECK_EQUAL(mkdir("folder", 0700), 0);
  make("a", "also");
  make("b", "folder/b");
  make("c", "folder/c");
  make("d", "d2");
  make("e", "e2");
  make("f", NULL);
  make("g", NULL);
  CHECK(__builtin_ckpt_save() >= 0);
  are_one("a", "also");
  are_one("b", "folder/b");
  holds("c", 'c');
  holds("folder/c", 'c');
  are_one("d", "d2");
  are_one("e", "e2");
  holds("f", 'f');
  holds("g", 'g');
  CHECK(access("folder/g", F_OK));
  if (!first_time("once"))
    return 0;
  CHECK_EQUAL(unlink("a"), 0);
  change("also");
  change("folder/b");
  CHECK_EQUAL(unlink("b"), 0);
  CHECK_EQUAL(unlink("c"), 0);
  change("folder/c");
  CHECK(unlink("d") == 0 && unlink("d2") == 0);
  CHECK_EQUAL(rename("f", "e"), 0);
  CHECK(link("g", "folder/g") == 0 && unlink("g") == 0);
  if (count > 1)
    roll_back();
  die();
}
