// A new thread with a policy of its own waits, all signals blocked, until the
// one that makes it lets it begin, which may have been stopped just before:
// then the stop is begun anew, and no save fails.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <pthread.h>
static _Atomic int ends_now;
static _Atomic long made, ran;
static void *leaf(void *unused) {
  ran++;
  return unused;
}
static void *makes(void *unused) {
  pthread_attr_t attributes;
  struct sched_param parameters = {0};
  pthread_attr_init(&attributes);
  CHECK(!pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED) &&
        !pthread_attr_setschedpolicy(&attributes, SCHED_OTHER) &&
        !pthread_attr_setschedparam(&attributes, &parameters));
  while (!ends_now) {
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, &attributes, leaf, NULL), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    made++;
  }
  return unused;
}
static void saves(int count) {
  while (count-- > 0) {
    long before = made;
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
    while (made == before)
      sched_yield();
  }
}
int main(void) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    pthread_create(&threads[i], NULL, makes, NULL);
  saves(100);
  die_and_come_back();
  saves(100);
  ends_now = 1;
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  CHECK_EQUAL(ran, made);
  return 0;
}
