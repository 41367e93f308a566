// A descriptor of the program's own process comes back.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/syscall.h>
static volatile sig_atomic_t got;
static void handler(int number) { got = number; }
int main(void) {
  int fd = (int)syscall(SYS_pidfd_open, getpid(), O_NONBLOCK);
  if (fd < 0)
    SKIP("no pidfd_open");
  signal(SIGUSR2, handler);
  die_and_come_back();
  CHECK_EQUAL(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, NULL, 0), 0);
  CHECK_EQUAL(got, SIGUSR2);
  return 0;
}
