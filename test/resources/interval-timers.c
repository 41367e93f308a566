// alarm() and setitimer() go on with the time that was left.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/time.h>
static volatile sig_atomic_t alarms, periods;
static void on_alarm(int number) { alarms++; }
static void on_period(int number) { periods++; }
int main(void) {
  signal(SIGALRM, on_alarm);
  signal(SIGPROF, on_period);
  struct itimerval period = {{0, 20000}, {0, 20000}};
  struct itimerval once = {{0, 0}, {0, 300000}}, rare = {{9, 0}, {900, 0}};
  CHECK_EQUAL(setitimer(ITIMER_PROF, &period, NULL), 0);
  CHECK_EQUAL(setitimer(ITIMER_VIRTUAL, &rare, NULL), 0);
  CHECK_EQUAL(setitimer(ITIMER_REAL, &once, NULL), 0);
  die_and_come_back();
  int before = periods;
  for (double begin = now(); alarms == 0 || periods < before + 3;)
    CHECK(now() - begin < 20);
  CHECK_EQUAL(alarms, 1);
  struct itimerval left;
  CHECK_EQUAL(getitimer(ITIMER_VIRTUAL, &left), 0);
  CHECK_EQUAL(left.it_interval.tv_sec, 9);
  CHECK(left.it_value.tv_sec > 800 && left.it_value.tv_sec <= 900);
  CHECK_EQUAL(alarm(0), 0);
  return 0;
}
