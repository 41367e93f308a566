// Many threads, some running and some waiting, are all stopped and all come
// back.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
enum { THREADS = 512 };
static _Atomic int go_on, started;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void *work(void *argument) {
  long me = (long)argument, sum = 0;
  started++;
  if (me % 50 == 0) {
    while (!go_on)
      sum++;
    return (void *)me;
  }
  pthread_mutex_lock(&mutex);
  while (!go_on)
    pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
  return (void *)(me + (sum & 0));
}
int main(void) {
  static pthread_t threads[THREADS];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  for (long i = 0; i < THREADS; i++)
    CHECK_EQUAL(pthread_create(&threads[i], &small, work, (void *)i), 0);
  while (started < THREADS)
    sched_yield();
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  die_and_come_back();
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  pthread_mutex_lock(&mutex);
  go_on = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  for (long i = 0; i < THREADS; i++) {
    void *result;
    CHECK_EQUAL(pthread_join(threads[i], &result), 0);
    CHECK_EQUAL((long)result, i);
  }
  return 0;
}
