// A descriptor that is only a path (O_PATH) comes back as one.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t %s
#include "behaviour.h"
#include <fcntl.h>
#include <sys/stat.h>
int main(int argc, char **argv) {
  CHECK(argc == 2);
  struct stat before, after;
  int fd = open(argv[1], O_PATH);
  CHECK(fd >= 0 && fstat(fd, &before) == 0);
  die_and_come_back();
  CHECK(fstat(fd, &after) == 0 && after.st_ino == before.st_ino);
  CHECK(fcntl(fd, F_GETFL) & O_PATH);
  char byte;
  CHECK(read(fd, &byte, 1) < 0 && errno == EBADF);
  return 0;
}
