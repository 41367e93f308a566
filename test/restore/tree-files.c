// Files that one process of a tree had open and another removed, cut or renamed
// after the checkpoint are as they were: open, mapped, and by name.
// RUN: %behaviour %s -o %t && rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t 2>&1 | FileCheck --allow-empty %s
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
static void make(const char *name) {
  int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0 && write(fd, name, strlen(name)) == (ssize_t)strlen(name));
  CHECK(close(fd) == 0);
}
static int holds(int fd, const char *name) {
  char text[64] = "";
  struct stat one, other;
  return pread(fd, text, sizeof text - 1, 0) > 0 && !strcmp(text, name) &&
         !fstat(fd, &one) && !stat(name, &other) && one.st_ino == other.st_ino;
}
static int child_of(int go) {
  char byte;
  int removed = open("removed", O_RDONLY), cut = open("cut", O_RDWR),
      renamed = open("renamed", O_RDWR), mapped = open("mapped", O_RDWR);
  const char *seen = mmap(NULL, 4096, PROT_READ, MAP_SHARED, mapped, 0);
  CHECK(seen != MAP_FAILED && close(mapped) == 0);
  CHECK(read(go, &byte, 1) == 1);
  CHECK(read(go, &byte, 1) == 1);
  CHECK(holds(removed, "removed") && holds(cut, "cut"));
  CHECK(holds(renamed, "renamed") && !strcmp(seen, "mapped"));
  CHECK(access("another", F_OK) != 0);
  return 5;
}
int main(void) {
  int go[2], status;
  make("removed"), make("cut"), make("renamed"), make("mapped");
  CHECK(pipe(go) == 0);
  pid_t child = fork();
  if (!child)
    _exit(child_of(go[0]));
  // It stands in its second read when the pipe is empty.
  CHECK(write(go[1], "x", 1) == 1);
  for (int left = 1; left;)
    CHECK(ioctl(go[0], FIONREAD, &left) == 0);
  if (!came_back()) {
    CHECK(unlink("removed") == 0 && truncate("cut", 0) == 0);
    CHECK(rename("renamed", "another") == 0 && unlink("mapped") == 0);
    CHECK(kill(child, SIGKILL) == 0);
    die();
  }
  CHECK_EQUAL(write(go[1], "y", 1), 1);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_EQUAL(WEXITSTATUS(status), 5);
  return 0;
}
