// 64 threads, some computing, some waiting for each other, some asleep.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread && %python %S/Inputs/killed-anywhere --options=every=5ms %hwckpt %t
// RUN: %python %S/Inputs/killed-anywhere --kills=2 --pid=any --options=every=5ms %hwckpt %t
// RUN: bash %S/../tools/Inputs/needs-namespaces && %python %S/Inputs/killed-anywhere --kills=2 --pid=namespace --options=every=5ms %hwckpt %t
#include "Inputs/come-back.h"
#include <pthread.h>
#include <stdatomic.h>
enum { THREADS = 63 };
static _Atomic int stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned long tokens, handed_out, taken;
static _Thread_local unsigned long own_steps, own_value;
struct result {
  unsigned long steps, value;
};
static unsigned long next(unsigned long x) {
  return x * 6364136223846793005UL + 1442695040888963407UL;
}
// The value after so many steps, by squaring.
static unsigned long after(unsigned long x, unsigned long steps) {
  unsigned long factor = 6364136223846793005UL, term = 1442695040888963407UL;
  for (; steps; steps >>= 1) {
    if (steps & 1)
      x = x * factor + term;
    term = term * factor + term;
    factor *= factor;
  }
  return x;
}
static void advance(int steps) {
  for (int i = 0; i < steps; i++, own_steps++)
    own_value = next(own_value);
}
static void compute(void) { advance(20000); }
static void hand_out(void) {
  advance(100);
  CHECK(pthread_mutex_lock(&lock) == 0);
  tokens++;
  handed_out++;
  CHECK(pthread_cond_signal(&changed) == 0);
  CHECK(pthread_mutex_unlock(&lock) == 0);
  usleep(200);
}
static void take(void) {
  advance(100);
  CHECK(pthread_mutex_lock(&lock) == 0);
  while (!tokens && !atomic_load(&stop))
    CHECK(pthread_cond_wait(&changed, &lock) == 0);
  if (tokens) {
    tokens--;
    taken++;
  }
  CHECK(pthread_mutex_unlock(&lock) == 0);
}
static void doze(void) {
  advance(100);
  usleep(3000);
}
static void *work(void *argument) {
  static void (*const kinds[])(void) = {compute, hand_out, take, doze};
  long me = (long)argument;
  own_value = (unsigned long)me;
  while (!atomic_load(&stop))
    kinds[me % 10 == 0 ? 0 : me % 3 + 1]();
  struct result *result = malloc(sizeof *result);
  CHECK(result);
  *result = (struct result){own_steps, own_value};
  return result;
}
int main(void) {
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
  while (go_on())
    usleep(1000);
  atomic_store(&stop, 1);
  CHECK(pthread_mutex_lock(&lock) == 0);
  CHECK(pthread_cond_broadcast(&changed) == 0);
  CHECK(pthread_mutex_unlock(&lock) == 0);
  for (long i = 0; i < THREADS; i++) {
    void *joined;
    CHECK(pthread_join(threads[i], &joined) == 0);
    struct result *result = joined;
    CHECK(result->steps > 0);
    CHECK(result->value == after((unsigned long)i, result->steps));
  }
  CHECK(handed_out == taken + tokens);
  return 7;
}
