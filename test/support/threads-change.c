// Threads are born and end while the program is stopped again and again; none
// is left out, none is in the way.
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
  while (!ends_now) {
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
      CHECK_EQUAL(pthread_create(&threads[i], NULL, leaf, NULL), 0);
      made++;
    }
    for (int i = 0; i < 3; i++)
      CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  }
  return unused;
}
static void saves(int count) {
  long before = made;
  while (count-- > 0)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  while (made == before)
    sched_yield();
}
int main(void) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    pthread_create(&threads[i], NULL, makes, NULL);
  saves(15);
  die_and_come_back();
  saves(15);
  ends_now = 1;
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  CHECK_EQUAL(ran, made);
  return 0;
}
