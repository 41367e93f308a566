// A limit of queued signals below what was queued already, timers too, is not
// in the way of a restore; one that was lowered since, not of a rollback.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: rm -rf %t.cache %t.file && HWCKPT_CACHE=%t.cache %t %t.file
#include "behaviour.h"
#include <sys/resource.h>

enum { SIGNALS = 20, TIMERS = 4, BELOW = 3 };

static void lower(rlim_t to) {
  struct rlimit limit;
  CHECK_EQUAL(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
  limit.rlim_cur = to;
  CHECK_EQUAL(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
}

static void expect(rlim_t wanted) {
  struct rlimit limit;
  CHECK_EQUAL(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
  CHECK_EQUAL(limit.rlim_cur, wanted);
}

static void take_all(void) {
  for (int i = 0; i < SIGNALS; i++)
    CHECK_EQUAL(take_signal(SIGRTMIN).si_value.sival_int, i);
}

int main(int argc, char **argv) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGHUP};
  timer_t timers[TIMERS];
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  for (int i = 0; i < SIGNALS; i++)
    CHECK_EQUAL(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}),
                0);
  for (int i = 0; i < TIMERS; i++)
    CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timers[i]), 0);
  lower(BELOW);
  int back = came_back();
  if (argc == 1 && !back)
    die();
  expect(BELOW);
  take_all();
  for (int i = 0; i < TIMERS; i++)
    CHECK_EQUAL(timer_delete(timers[i]), 0);
  if (argc > 1 && first_time(argv[1])) {
    lower(1);
    roll_back();
  }
  return 0;
}
