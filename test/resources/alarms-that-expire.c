// An alarm that goes off while a checkpoint is taken goes off once after a
// rollback, whatever was looked at before and after.
// RUN: %behaviour %s -o %t
// RUN: rm -rf %t.cache && HWCKPT_CACHE=%t.cache %t
#include "behaviour.h"
#include <sys/time.h>

enum { ALARMS = 60, APART_US = 40 };

static int comes(time_t seconds) {
  const struct timespec limit = {seconds, 1000000};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  return sigtimedwait(&set, NULL, &limit) == SIGALRM;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, &set, NULL), 0);
  for (int i = 0; i < ALARMS; i++) {
    const struct itimerval once = {{0, 0}, {0, 200 + i * APART_US}};
    CHECK_EQUAL(setitimer(ITIMER_REAL, &once, NULL), 0);
    int back = came_back();
    CHECK(comes(10));
    CHECK(!comes(0));
    if (!back)
      roll_back();
  }
  return 0;
}
