// A slave terminal and a message queue that are to stay open in executed
// programs are so after two restores, too.
// RUN: %behaviour %s -o %t && %by_all sh -c '! %restored -- %t && %hwckpt restore'
#include "behaviour.h"
#include <mqueue.h>

static int slave, queue;

static void stay_open(void) {
  CHECK_EQUAL(fcntl(slave, F_GETFD), 0);
  CHECK_EQUAL(fcntl(queue, F_GETFD), 0);
}

int main(void) {
  char name[32];
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  CHECK((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
  snprintf(name, sizeof name, "/flags-twice-%d", getpid());
  CHECK((queue = mq_open(name, O_RDWR | O_CREAT, 0600, NULL)) >= 0);
  CHECK(fcntl(queue, F_SETFD, 0) == 0);
  for (int i = 0; i < 2; i++) {
    die_and_come_back();
    stay_open();
  }
  mq_unlink(name);
  return 0;
}
