// Duplicates of a descriptor share its offset after a restore; a second open of
// the same file does not, nor one that has the same offset and flags.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t %s
#include "behaviour.h"
#include <fcntl.h>
int main(int argc, char **argv) {
  CHECK(argc == 2);
  int first = open(argv[1], O_RDONLY);
  int own = open(argv[1], O_RDONLY);
  int copy = dup(first);
  int far = fcntl(first, F_DUPFD_CLOEXEC, 200);
  CHECK(far >= 200);
  CHECK_EQUAL(lseek(first, 7, SEEK_SET), 7);
  CHECK_EQUAL(lseek(own, 7, SEEK_SET), 7);
  die_and_come_back();
  CHECK_EQUAL(lseek(copy, 0, SEEK_CUR), 7);
  CHECK_EQUAL(lseek(far, 20, SEEK_SET), 20);
  CHECK_EQUAL(lseek(first, 0, SEEK_CUR), 20);
  CHECK_EQUAL(lseek(copy, 0, SEEK_CUR), 20);
  CHECK_EQUAL(lseek(own, 0, SEEK_CUR), 7);
  CHECK_EQUAL(fcntl(copy, F_GETFD), 0);
  CHECK_EQUAL(fcntl(far, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(first, F_SETFL, O_NONBLOCK), 0);
  CHECK(fcntl(far, F_GETFL) & O_NONBLOCK);
  CHECK(!(fcntl(own, F_GETFL) & O_NONBLOCK));
  return 0;
}
