// Timers of timer_create() go on with the time that was left, under their own
// numbers, for the process and for a thread; libc's that call a function too.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
static atomic_int called;
static void function(union sigval value) { called = value.sival_int; }
static timer_t make(int clock, int notify, int number, int value) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = notify, .sigev_signo = number};
  event.sigev_value.sival_int = value;
  if (notify == SIGEV_THREAD)
    event.sigev_notify_function = function;
  if (notify == SIGEV_THREAD_ID)
    event._sigev_un._tid = (int)syscall(SYS_gettid);
  CHECK_EQUAL(timer_create(clock, &event, &timer), 0);
  return timer;
}
static void set(timer_t timer, double value, long interval) {
  struct itimerspec times = {
      {interval, 0}, {(long)value, (long)((value - (long)value) * 1e9)}};
  CHECK_EQUAL(timer_settime(timer, 0, &times, NULL), 0);
}
static double left(timer_t timer, long interval) {
  struct itimerspec times;
  CHECK_EQUAL(timer_gettime(timer, &times), 0);
  CHECK_EQUAL(times.it_interval.tv_sec, interval);
  return (double)times.it_value.tv_sec + (double)times.it_value.tv_nsec * 1e-9;
}
int main(void) {
  sigset_t set_of;
  sigemptyset(&set_of);
  sigaddset(&set_of, SIGRTMIN);
  sigaddset(&set_of, SIGRTMIN + 1);
  sigprocmask(SIG_BLOCK, &set_of, NULL);
  for (int i = 0; i < 5; i++)
    timer_delete(make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0));
  timer_t idle = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
  timer_t longer = make(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN, 1);
  timer_t gone = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 2);
  timer_t soon = make(CLOCK_BOOTTIME, SIGEV_SIGNAL, SIGRTMIN, 3);
  timer_t thread = make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN + 1, 4);
  timer_t processor = make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGRTMIN, 5);
  timer_t calls = make(CLOCK_MONOTONIC, SIGEV_THREAD, 0, 6);
  timer_delete(gone);
  set(longer, 2000, 7);
  set(soon, 0.3, 0);
  set(thread, 0.3, 1000);
  set(processor, 500, 3);
  set(calls, 0.4, 0);
  die_and_come_back();
  CHECK(left(idle, 0) == 0);
  double rest = left(longer, 7);
  CHECK(rest > 1980 && rest <= 2000);
  rest = left(processor, 3);
  CHECK(rest > 480 && rest <= 500);
  siginfo_t info;
  CHECK_EQUAL(sigwaitinfo(&set_of, &info), info.si_signo);
  CHECK_EQUAL(info.si_code, SI_TIMER);
  CHECK_EQUAL(info.si_value.sival_int, info.si_signo == SIGRTMIN ? 3 : 4);
  CHECK_EQUAL(sigwaitinfo(&set_of, &info), info.si_signo);
  CHECK_EQUAL(info.si_value.sival_int, info.si_signo == SIGRTMIN ? 3 : 4);
  rest = left(thread, 1000);
  CHECK(rest > 900 && rest <= 1000);
  for (double begin = now(); called != 6; usleep(1000))
    CHECK(now() - begin < 20);
  timer_t fresh = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 7);
  CHECK(fresh != idle && fresh != longer && fresh != soon && fresh != thread);
  CHECK_EQUAL(timer_delete(soon), 0);
  return 0;
}
