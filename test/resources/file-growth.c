// What was appended after the checkpoint is taken back at the restore, and the
// file's place on disk stays the same.
// RUN: %behaviour %s -o %t && %by_all bash %S/Inputs/grown %hwckpt %t
#include "behaviour.h"
#include <fcntl.h>
#include <sys/stat.h>
static ino_t inode_of(int fd) {
  struct stat is;
  CHECK(fstat(fd, &is) == 0);
  return is.st_ino;
}
int main(int argc, char **argv) {
  CHECK(argc == 3);
  int log = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
  int output = open(argv[2], O_WRONLY | O_CREAT, 0600);
  CHECK_EQUAL(write(log, "before\n", 7), 7);
  CHECK_EQUAL(write(output, "12345", 5), 5);
  ino_t inode = inode_of(log);
  if (!came_back()) {
    CHECK_EQUAL(write(log, "lost\n", 5), 5);
    CHECK_EQUAL(write(output, "lost", 4), 4);
    CHECK_EQUAL(ftruncate(output, 100000), 0);
    die();
  }
  CHECK_EQUAL(inode_of(log), inode);
  CHECK_EQUAL(lseek(log, 0, SEEK_END), 7);
  CHECK_EQUAL(lseek(output, 0, SEEK_CUR), 5);
  CHECK_EQUAL(lseek(output, 0, SEEK_END), 5);
  CHECK_EQUAL(write(log, "after\n", 6), 6);
  CHECK_EQUAL(write(output, "!", 1), 1);
  return 0;
}
