// A signal of a timer that expires while the checkpoint is taken comes once,
// whatever was looked at before and after: of hundreds of timers of one process
// that expire one after the other, some do so between any two looks.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"

enum { TIMERS = 1000, APART_NS = 50000 };
static unsigned came[TIMERS];

static void take(const sigset_t *set, time_t seconds) {
  const struct timespec limit = {seconds, 10000000};
  siginfo_t info;
  while (sigtimedwait(set, &info, &limit) > 0) {
    CHECK_EQUAL(info.si_code, SI_TIMER);
    CHECK(info.si_value.sival_int < TIMERS);
    came[info.si_value.sival_int]++;
  }
}

int main(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                           .sigev_signo = SIGRTMIN};
  timer_t timers[TIMERS];
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, &set, NULL), 0);
  for (int i = 0; i < TIMERS; i++) {
    event.sigev_value.sival_int = i;
    CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timers[i]), 0);
  }
  for (int i = 0; i < TIMERS; i++) {
    const struct itimerspec times = {{0, 0}, {0, 1000000 + i * APART_NS}};
    CHECK_EQUAL(timer_settime(timers[i], 0, &times, NULL), 0);
  }
  die_and_come_back();
  take(&set, 2);
  for (int i = 0; i < TIMERS; i++)
    CHECK_EQUAL(came[i], 1);
  return 0;
}
