// A periodic timer goes on though its signal is pending at the checkpoint: the
// kernel starts it again only when the signal is taken. After a restore, and
// after a rollback.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: rm -rf %t.cache %t.file && HWCKPT_CACHE=%t.cache %t %t.file
#include "behaviour.h"
#include <sys/time.h>

static sigset_t alarms;

static void await_pending(void) {
  sigset_t pending;
  do
    sigpending(&pending);
  while (!sigismember(&pending, SIGALRM));
}

static void take_some(void) {
  for (int i = 0; i < 3; i++) {
    const struct timespec most = {20, 0};
    CHECK_EQUAL(sigtimedwait(&alarms, NULL, &most), SIGALRM);
  }
}

int main(int argc, char **argv) {
  const struct itimerval period = {{0, 20000}, {0, 20000}};
  struct itimerval left;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  sigprocmask(SIG_BLOCK, &alarms, NULL);
  CHECK_EQUAL(setitimer(ITIMER_REAL, &period, NULL), 0);
  await_pending();
  int back = came_back();
  if (argc == 1 && !back)
    die();
  take_some();
  CHECK_EQUAL(getitimer(ITIMER_REAL, &left), 0);
  CHECK_EQUAL(left.it_interval.tv_usec, 20000);
  if (argc > 1 && first_time(argv[1]))
    roll_back();
  return 0;
}
