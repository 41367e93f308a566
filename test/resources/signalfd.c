// Signal descriptors come back with their signals.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/signalfd.h>
int main(void) {
  sigset_t set;
  struct signalfd_siginfo info;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGRTMIN + 3);
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, &set, NULL), 0);
  sigdelset(&set, SIGUSR2);
  int fd = signalfd(-1, &set, SFD_NONBLOCK);
  die_and_come_back();
  raise(SIGUSR2);
  CHECK(read(fd, &info, sizeof info) < 0 && errno == EAGAIN);
  raise(SIGRTMIN + 3);
  CHECK_EQUAL(read(fd, &info, sizeof info), sizeof info);
  CHECK_EQUAL(info.ssi_signo, SIGRTMIN + 3);
  return 0;
}
