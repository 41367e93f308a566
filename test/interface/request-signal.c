// SIGUSR1 asks for a checkpoint: it is taken, and the program sees nothing of
// the signal, in no call that waits, nor is the time of a wait changed.
// RUN: %behaviour %s -o %t && %hwckpt run -o keep=1000 -- %t && %hwckpt list --json | FileCheck %s
// CHECK: "event": "signal"
// Its cause is the rule, where there is one.
// RUN: %hwckpt show | grep '^cause  *signal 10$'
#include "behaviour.h"
#include <poll.h>
#include <pthread.h>
static _Atomic int ends_now;
static void *asks(void *unused) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, NULL); /* the other thread gets them */
  while (!ends_now) {
    kill(getpid(), SIGUSR1);
    usleep(3000);
  }
  return unused;
}
int main(void) {
  pthread_t thread;
  kill(getpid(), SIGUSR1);
  wait_for_generations(0);
  while (generations() < 1)
    sched_yield();
  pthread_create(&thread, NULL, asks, NULL);
  double begin = now();
  CHECK_EQUAL(usleep(100000), 0);
  CHECK(now() - begin >= 0.1 && now() - begin < 2);
  begin = now();
  CHECK_EQUAL(poll(NULL, 0, 100), 0);
  CHECK(now() - begin >= 0.1 && now() - begin < 2);
  begin = now();
  struct timespec span = {.tv_nsec = 100000000};
  CHECK_EQUAL(nanosleep(&span, NULL), 0);
  CHECK(now() - begin >= 0.1 && now() - begin < 2);
  wait_for_generations(3);
  ends_now = 1;
  pthread_join(thread, NULL);
  return 0;
}
