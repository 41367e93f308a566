// A checkpoint at every K-th site, in a program with few sites: a kill at any
// moment is restored, whatever K is, with threads as well.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread
// RUN: for k in 1 10; do %python %S/Inputs/killed-anywhere --kills=2 --options=every_site=$k %hwckpt %t 0 || exit 1; done
// RUN: %python %S/Inputs/killed-anywhere --kills=2 --options=every_site=3 %hwckpt %t 3
// RUN: %python %S/Inputs/killed-anywhere --kills=3 --pid=any --options=every_site=2 %hwckpt %t 3
#include "Inputs/come-back.h"
#include <pthread.h>
#include <stdatomic.h>
enum { STEPS = 20, THREADS_MOST = 8 };
static _Atomic int stop;
static unsigned long step(unsigned long x) {
  return x * 6364136223846793005UL + 1442695040888963407UL;
}
__attribute__((noinline)) static unsigned long steps(unsigned long x,
                                                     volatile int count) {
  for (int i = 0; i < count; i++)
    x = step(x);
  return x;
}
static void *work(void *unused) {
  unsigned long wanted = steps(1, STEPS);
  while (!atomic_load(&stop))
    CHECK(steps(1, STEPS) == wanted);
  return unused;
}
int main(int count, char **arguments) {
  CHECK(count == 2);
  int others = atoi(arguments[1]);
  pthread_t threads[THREADS_MOST];
  CHECK(others <= THREADS_MOST);
  for (int i = 0; i < others; i++)
    CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
  unsigned long x = 1, taken = 0;
  for (; go_on(); taken++)
    x = steps(x, STEPS);
  atomic_store(&stop, 1);
  for (int i = 0; i < others; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  for (; taken; taken--)
    for (int i = 0; i < STEPS; i++)
      x = (x - 1442695040888963407UL) * 13877824140714322085UL;
  CHECK(x == 1);
  return 7;
}
