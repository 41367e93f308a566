// Timers that were made after the checkpoint are gone after a rollback, however
// many they are, and the one that was there is left.
// RUN: %behaviour %s -o %t
// RUN: rm -rf %t.cache && HWCKPT_CACHE=%t.cache %t
#include "behaviour.h"

enum { TIMERS = 300 };

static timer_t make(void) {
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  timer_t timer;
  CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  return timer;
}

static int timers(void) {
  FILE *file = fopen("/proc/self/timers", "re");
  char line[256];
  int count = 0;
  CHECK(file);
  while (fgets(line, sizeof line, file))
    count += strncmp(line, "ID:", 3) == 0;
  CHECK_EQUAL(fclose(file), 0);
  return count;
}

int main(void) {
  struct itimerspec times;
  timer_t first = make();
  if (!came_back()) {
    for (int i = 0; i < TIMERS; i++)
      make();
    CHECK_EQUAL(timers(), 1 + TIMERS);
    roll_back();
  }
  CHECK_EQUAL(timers(), 1);
  CHECK_EQUAL(timer_gettime(first, &times), 0);
  return 0;
}
