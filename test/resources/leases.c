// A lease on a file is held again: who opens the file to write breaks it. One
// that was being broken at the checkpoint is not in the way of a restore.
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
  int broken = open("broken", O_RDWR | O_CREAT, 0600);
  CHECK(broken >= 0 && fcntl(broken, F_SETLEASE, F_WRLCK) == 0);
  CHECK(open("broken", O_RDONLY | O_NONBLOCK) < 0 && errno == EWOULDBLOCK);
  CHECK_EQUAL(sigtimedwait(&set, NULL, &(struct timespec){10, 0}), SIGIO);
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
