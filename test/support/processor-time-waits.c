// A sleep on a clock of processor time ends when that time was used, however
// often the program is stopped meanwhile: time in which it stands still, or
// others run, does not count.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define WAIT 0.15 /* seconds */
static _Atomic int over, ended;
static clockid_t clock_of_worker;

static double seconds(clockid_t clock) {
  struct timespec time;
  CHECK_EQUAL(clock_gettime(clock, &time), 0);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// It computes for a fifth of the time.
static void *works(void *unused) {
  const struct timespec rest = {.tv_nsec = 20000000};
  while (!over) {
    for (double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
         seconds(CLOCK_THREAD_CPUTIME_ID) - begin < 0.005;)
      ;
    nanosleep(&rest, NULL);
  }
  return unused;
}

static void *sleeps(void *unused) {
  const struct timespec span = {.tv_nsec = (long)(WAIT * 1e9)};
  double begin = seconds(clock_of_worker);
  CHECK_EQUAL(clock_nanosleep(clock_of_worker, 0, &span, NULL), 0);
  CHECK(seconds(clock_of_worker) - begin >= WAIT * 0.97);
  ended = 1;
  return unused;
}

int main(void) {
  pthread_t worker, sleeper;
  CHECK_EQUAL(pthread_create(&worker, NULL, works, NULL), 0);
  CHECK_EQUAL(pthread_getcpuclockid(worker, &clock_of_worker), 0);
  CHECK_EQUAL(pthread_create(&sleeper, NULL, sleeps, NULL), 0);
  int stops = 0;
  for (double begin = now(); !ended && now() - begin < 60; stops++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK(ended && stops > 3);
  over = 1;
  CHECK_EQUAL(pthread_join(sleeper, NULL), 0);
  CHECK_EQUAL(pthread_join(worker, NULL), 0);
  return 0;
}
