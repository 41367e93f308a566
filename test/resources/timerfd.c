// Timer descriptors go on with the time that was left; what expired and was not
// read is still there; one set to a time of day stays set to it; one that
// expires all the time goes on to.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>
static int set(int clock, int flags, double value, double interval) {
  int fd = timerfd_create(clock, TFD_NONBLOCK);
  struct itimerspec times = {
      {(long)interval, (long)((interval - (long)interval) * 1e9)},
      {(long)value, (long)((value - (long)value) * 1e9)}};
  CHECK(fd >= 0 && timerfd_settime(fd, flags, &times, NULL) == 0);
  return fd;
}
static uint64_t ticks(int fd) {
  uint64_t count = 0;
  CHECK(read(fd, &count, sizeof count) == sizeof count || errno == EAGAIN);
  return count;
}
static double left(int fd, double interval) {
  struct itimerspec times;
  CHECK_EQUAL(timerfd_gettime(fd, &times), 0);
  CHECK((double)times.it_interval.tv_sec == interval);
  return (double)times.it_value.tv_sec + (double)times.it_value.tv_nsec * 1e-9;
}
static void expired(int fd) {
  struct pollfd look = {fd, POLLIN, 0};
  CHECK_EQUAL(poll(&look, 1, 20000), 1);
}
int main(void) {
  static double day;
  int often = set(CLOCK_MONOTONIC, 0, 1e-3, 1e-3);
  for (double end = now() + 2; now() < end;)
    usleep(1000);
  int idle = set(CLOCK_MONOTONIC, 0, 0, 0);
  int idle_periods = set(CLOCK_MONOTONIC, 0, 0, 1000);
  int always = set(CLOCK_MONOTONIC, 0, 1e-9, 1e-7);
  int unread = set(CLOCK_MONOTONIC, 0, 1e-9, 0);
  int periods = set(CLOCK_BOOTTIME, 0, 1e-3, 1000);
  int longer = set(CLOCK_MONOTONIC, 0, 2000, 1000);
  int soon = set(CLOCK_MONOTONIC, 0, 0.3, 0);
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  day = (double)at.tv_sec + 3000;
  int to_day = set(CLOCK_REALTIME, TFD_TIMER_ABSTIME, day, 0);
  expired(unread);
  expired(periods);
  double before = left(longer, 1000);
  die_and_come_back();
  /* More than come from then on. */
  CHECK(ticks(often) >= 2000);
  CHECK_EQUAL(ticks(idle), 0);
  CHECK(left(idle, 0) == 0);
  CHECK_EQUAL(ticks(idle_periods), 0);
  CHECK(left(idle_periods, 1000) == 0);
  for (int i = 0; i < 3; i++) {
    expired(always);
    CHECK(ticks(always) >= 1);
  }
  CHECK_EQUAL(ticks(unread), 1);
  CHECK(left(unread, 0) == 0);
  CHECK_EQUAL(ticks(periods), 1);
  double rest = left(periods, 1000);
  CHECK(rest > 900 && rest < 1000);
  rest = left(longer, 1000);
  CHECK(rest <= before && rest > before - 20);
  clock_gettime(CLOCK_REALTIME, &at);
  rest = left(to_day, 0) + (double)at.tv_sec + (double)at.tv_nsec * 1e-9 - day;
  CHECK(rest > -1 && rest < 1);
  expired(soon);
  CHECK_EQUAL(ticks(soon), 1);
  return 0;
}
