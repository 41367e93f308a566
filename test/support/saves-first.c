// Threads whose saves are the program's first, at the same moment, all get an
// answer: nothing is set up twice.
// RUN: %behaviour %s -o %t && for i in $(seq 12); do %hwckpt run -- %t || exit 1; done
#include "behaviour.h"
#include <pthread.h>
enum { THREADS = 6 };
static pthread_barrier_t met;
static void *saves(void *unused) {
  pthread_barrier_wait(&met);
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  return unused;
}
int main(void) {
  pthread_t threads[THREADS];
  pthread_barrier_init(&met, NULL, THREADS);
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, saves, NULL);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
