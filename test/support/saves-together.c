// Threads that save at the same time all get an answer, and each that comes
// back gets the number of the restore.
// RUN: %behaviour %s -o %t && rm -f %t.once && %restored -- %t %t.once
#include "behaviour.h"
#include <pthread.h>
enum { THREADS = 8 };
static _Atomic int back;
static pthread_barrier_t met;
static void *saves(void *unused) {
  for (int i = 0; i < 10; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  pthread_barrier_wait(&met);
  int times = __builtin_ckpt_save();
  CHECK(times == 0 || times == 1);
  back += times;
  pthread_barrier_wait(&met);
  return unused;
}
int main(int argc, char **argv) {
  pthread_t threads[THREADS];
  pthread_barrier_init(&met, NULL, THREADS + 1);
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, saves, NULL);
  pthread_barrier_wait(&met);
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  pthread_barrier_wait(&met);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  /* One whose save came before the last has returned from it; the last
   * checkpoint is the one that somebody waited for. */
  if (times == 0 && back == 0) {
    CHECK(argc == 2 && first_time(argv[1]));
    die();
  }
  return 0;
}
