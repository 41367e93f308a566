// A lease on a file is held again: who opens the file to write breaks it.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
int main(void) {
  char name[] = "/tmp/hwckpt-test-lease-XXXXXX";
  int fd = mkostemp(name, O_CLOEXEC);
  CHECK(fd >= 0 && close(fd) == 0);
  fd = open(name, O_RDONLY);
  CHECK(fd >= 0);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGIO);
  CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  CHECK(fcntl(fd, F_SETLEASE, F_RDLCK) == 0);
  die_and_come_back();
  CHECK_EQUAL(fcntl(fd, F_GETLEASE), F_RDLCK);
  int writer = open(name, O_WRONLY | O_NONBLOCK);
  CHECK(writer < 0);
  CHECK_EQUAL(sigtimedwait(&set, NULL, &(struct timespec){10, 0}), SIGIO);
  CHECK(fcntl(fd, F_SETLEASE, F_UNLCK) == 0);
  writer = open(name, O_WRONLY | O_NONBLOCK);
  CHECK(writer >= 0 && unlink(name) == 0);
  return 0;
}
