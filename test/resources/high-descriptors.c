// Descriptors keep their numbers however high, and many of them come back.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t %s
#include "behaviour.h"
#include <fcntl.h>
#include <sys/resource.h>
int main(int argc, char **argv) {
  struct rlimit limit;
  CHECK(argc == 2 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_cur < 1024)
    SKIP("fewer than 1024 descriptors allowed");
  int fd = open(argv[1], O_RDONLY);
  CHECK_EQUAL(dup2(fd, 900), 900);
  CHECK_EQUAL(dup3(fd, (int)limit.rlim_cur - 100, O_CLOEXEC),
              (int)limit.rlim_cur - 100);
  for (int i = 300; i < 500; i++) {
    CHECK_EQUAL(dup2(open(argv[1], O_RDONLY), i), i);
    CHECK_EQUAL(lseek(i, i, SEEK_SET), i);
    close(4);
  }
  die_and_come_back();
  CHECK_EQUAL(lseek(900, 33, SEEK_SET), 33);
  CHECK_EQUAL(lseek((int)limit.rlim_cur - 100, 0, SEEK_CUR), 33);
  for (int i = 300; i < 500; i++)
    CHECK_EQUAL(lseek(i, 0, SEEK_CUR), i);
  return 0;
}
