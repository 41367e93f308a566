// Open files come back with offset, status flags and close-on-exec.
// RUN: %behaviour %s -o %t && %by_all bash -c '%restored -- %t file && grep -x read-write.append file'
#include "behaviour.h"
#include <fcntl.h>
enum { FLAGS = O_ACCMODE | O_APPEND | O_NONBLOCK | O_NOATIME | O_SYNC };
static void check(int fd, int flags, int fd_flags, long offset) {
  CHECK_EQUAL(fcntl(fd, F_GETFL) & FLAGS, flags);
  CHECK_EQUAL(fcntl(fd, F_GETFD), fd_flags);
  CHECK_EQUAL(lseek(fd, 0, SEEK_CUR), offset);
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  int written = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK_EQUAL(write(written, "read-write.", 11), 11);
  CHECK_EQUAL(lseek(written, 5, SEEK_SET), 5);
  int read_only = open(argv[1], O_RDONLY | O_NONBLOCK | O_NOATIME);
  CHECK_EQUAL(lseek(read_only, 1L << 40, SEEK_SET), 1L << 40);
  int append = open(argv[1], O_WRONLY | O_APPEND);
  int synced = open(argv[1], O_WRONLY | O_SYNC | O_CLOEXEC);
  die_and_come_back();
  check(written, O_RDWR, FD_CLOEXEC, 5);
  check(read_only, O_RDONLY | O_NONBLOCK | O_NOATIME, 0, 1L << 40);
  check(append, O_WRONLY | O_APPEND, 0, 0);
  check(synced, O_WRONLY | O_SYNC, FD_CLOEXEC, 0);
  CHECK_EQUAL(write(append, "append\n", 7), 7);
  CHECK_EQUAL(lseek(append, 0, SEEK_CUR), 18);
  char text[8];
  CHECK_EQUAL(read(written, text, 5), 5);
  CHECK(memcmp(text, "write", 5) == 0);
  CHECK(write(read_only, "", 1) < 0 && errno == EBADF);
  return 0;
}
