// Descriptors closed before the checkpoint stay closed, those opened after it
// are gone, and numbers between are free: the next open gets the lowest.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t %s
#include "behaviour.h"
#include <fcntl.h>
int main(int argc, char **argv) {
  CHECK(argc == 2);
  CHECK_EQUAL(open(argv[1], O_RDONLY), 3);
  CHECK_EQUAL(dup2(3, 5), 5);
  CHECK_EQUAL(close(3), 0);
  if (!came_back()) {
    CHECK_EQUAL(dup2(5, 6), 6);
    die();
  }
  for (int fd = 3; fd < 1024; fd++)
    CHECK(fd == 5 ? fcntl(fd, F_GETFD) == 0
                  : fcntl(fd, F_GETFD) < 0 && errno == EBADF);
  CHECK_EQUAL(open(argv[1], O_RDONLY), 3);
  return 0;
}
