// CLOCK_MONOTONIC and CLOCK_BOOTTIME go on where they were, though the machine
// has begun anew; what waits until a time does not wait for it longer.
// RUN: %behaviour %s -o %t && %S/Inputs/other-clock %hwckpt %t
// RUN: [ "$(id -u)" != 0 ] || bash %S/../tools/Inputs/as-nobody env AWS_SESSION_TOKEN=none %S/Inputs/other-clock %hwckpt %t || [ $? = 77 ]
#include "behaviour.h"
#include <sys/syscall.h>
static double at(clockid_t id) {
  struct timespec now;
  CHECK(clock_gettime(id, &now) == 0);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
static void goes_on(clockid_t id, double then) {
  struct timespec asked;
  double now = at(id);
  CHECK(now >= then && now < then + 300);
  CHECK(syscall(SYS_clock_gettime, id, &asked) == 0);
  CHECK(asked.tv_sec - (time_t)now <= 1 && asked.tv_sec >= (time_t)now);
}
int main(void) {
  double monotonic = at(CLOCK_MONOTONIC), boot = at(CLOCK_BOOTTIME);
  for (int i = 0; i < 2; i++) {
    if (!came_back())
      die();
    goes_on(CLOCK_MONOTONIC, monotonic);
    goes_on(CLOCK_BOOTTIME, boot);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    CHECK_EQUAL(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0), 0);
    monotonic = at(CLOCK_MONOTONIC);
    boot = at(CLOCK_BOOTTIME);
  }
  return 0;
}
