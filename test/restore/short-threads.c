// Threads are born and die while checkpoints are taken: joined, detached, and
// by threads that are short-lived themselves.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread && %python %S/Inputs/killed-anywhere %hwckpt %t
#include "Inputs/come-back.h"
#include <pthread.h>
#include <stdatomic.h>
enum { THREADS = 8 };
static _Atomic int detached_alive;
static unsigned long compute(unsigned long x) {
  for (int i = 0; i < 2000; i++)
    x = x * 6364136223846793005UL + 1442695040888963407UL;
  return x;
}
static void *leaf(void *argument) {
  return (void *)compute((unsigned long)argument);
}
static void *branch(void *argument) {
  unsigned long x = (unsigned long)argument;
  pthread_t thread;
  void *result;
  CHECK(pthread_create(&thread, NULL, leaf, (void *)(x + 1)) == 0);
  unsigned long own = compute(x);
  CHECK(pthread_join(thread, &result) == 0);
  return (void *)(own ^ (unsigned long)result);
}
static void *alone(void *argument) {
  compute((unsigned long)argument);
  atomic_fetch_sub(&detached_alive, 1);
  return NULL;
}
static void generation_of_threads(unsigned long seed) {
  pthread_t threads[THREADS];
  pthread_attr_t detached;
  CHECK(pthread_attr_init(&detached) == 0);
  CHECK(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) == 0);
  for (unsigned long i = 0; i < THREADS; i++) {
    pthread_t unused;
    CHECK(pthread_create(&threads[i], NULL, branch, (void *)(seed + i)) == 0);
    atomic_fetch_add(&detached_alive, 1);
    CHECK(pthread_create(&unused, &detached, alone, (void *)seed) == 0);
  }
  for (unsigned long i = 0; i < THREADS; i++) {
    void *result;
    CHECK(pthread_join(threads[i], &result) == 0);
    CHECK((unsigned long)result == (compute(seed + i) ^ compute(seed + i + 1)));
  }
  CHECK(pthread_attr_destroy(&detached) == 0);
}
int main(void) {
  for (unsigned long seed = 0; go_on(); seed += THREADS)
    generation_of_threads(seed);
  while (atomic_load(&detached_alive) > 0)
    usleep(1000);
  return 7;
}
