// Timers whose signal is pending at the checkpoint have it pending afterwards,
// once, and go on: a periodic one, one that has come to its end, one that
// counts the time of the processor. Periods begin when they would have. After a
// restore, and after a rollback, whether the signal was taken meanwhile or not.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: rm -rf %t.cache %t.taken %t.left
// RUN: HWCKPT_CACHE=%t.cache %t %t.taken %t.left
#include "behaviour.h"

enum { PERIOD = 2, LONG_PERIOD = 100000, SIGNALS = 4 };
static sigset_t set;

static timer_t make(clockid_t clock, int number, int value, long interval) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                           .sigev_signo = SIGRTMIN + number};
  const struct itimerspec times = {{interval, 0}, {0, 1000000}};
  timer_t timer;
  event.sigev_value.sival_int = value;
  CHECK_EQUAL(timer_create(clock, &event, &timer), 0);
  CHECK_EQUAL(timer_settime(timer, 0, &times, NULL), 0);
  return timer;
}

/* In the middle of a period, its signal sent when that began. */
static timer_t make_long(int number, int value) {
  timer_t timer = make(CLOCK_REALTIME, number, value, 0);
  struct itimerspec times = {{LONG_PERIOD, 0}, {0, 0}};
  clock_gettime(CLOCK_REALTIME, &times.it_value);
  times.it_value.tv_sec -= LONG_PERIOD / 2;
  CHECK_EQUAL(timer_settime(timer, TIMER_ABSTIME, &times, NULL), 0);
  return timer;
}

static time_t left_of(timer_t timer) {
  struct itimerspec times;
  CHECK_EQUAL(timer_gettime(timer, &times), 0);
  return times.it_value.tv_sec;
}

static void await_pending(int number) {
  sigset_t pending;
  do
    sigpending(&pending);
  while (!sigismember(&pending, SIGRTMIN + number));
}

static void take_one(int number, int value) {
  const struct timespec none = {0, 0};
  siginfo_t info = take_signal(SIGRTMIN + number);
  CHECK_EQUAL(info.si_code, SI_TIMER);
  CHECK_EQUAL(info.si_value.sival_int, value);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGRTMIN + number);
  CHECK(sigtimedwait(&one, NULL, &none) < 0 && errno == EAGAIN);
}

int main(int argc, char **argv) {
  struct itimerspec times;
  sigemptyset(&set);
  for (int i = 0; i < SIGNALS; i++)
    sigaddset(&set, SIGRTMIN + i);
  sigprocmask(SIG_BLOCK, &set, NULL);
  timer_t periodic = make(CLOCK_MONOTONIC, 0, 10, PERIOD);
  timer_t once = make(CLOCK_REALTIME, 1, 11, 0);
  make(CLOCK_PROCESS_CPUTIME_ID, 2, 12, 0);
  timer_t periods = make_long(3, 13);
  for (int i = 0; i < SIGNALS; i++)
    await_pending(i);
  int back = came_back();
  if (argc == 1 && !back)
    die();
  if (argc > 2 && first_time(argv[2]))
    roll_back();
  CHECK(left_of(periods) <= LONG_PERIOD / 2);
  for (double begin = now(); now() - begin < PERIOD + 0.1;)
    usleep(10000);
  for (int i = 0; i < SIGNALS; i++)
    take_one(i, 10 + i);
  CHECK_EQUAL(timer_gettime(once, &times), 0);
  CHECK_EQUAL(times.it_value.tv_sec + times.it_value.tv_nsec, 0);
  CHECK_EQUAL(timer_gettime(periodic, &times), 0);
  CHECK_EQUAL(times.it_interval.tv_sec, PERIOD);
  CHECK(times.it_value.tv_sec || times.it_value.tv_nsec);
  if (argc > 2 && first_time(argv[1]))
    roll_back();
  return 0;
}
