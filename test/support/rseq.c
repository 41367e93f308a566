// Restartable sequences are registered again: the kernel keeps the processor's
// number where libc looks for it, in every thread.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/rseq.h>
static pthread_barrier_t met;
static void check(void) {
  cpu_set_t all, one;
  const volatile struct rseq *rseq =
      (const volatile struct rseq *)((char *)__builtin_thread_pointer() +
                                     __rseq_offset);
  CHECK_EQUAL(sched_getaffinity(0, sizeof all, &all), 0);
  int seen = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && seen < 4; cpu++) {
    if (!CPU_ISSET(cpu, &all))
      continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
    CHECK_EQUAL(rseq->cpu_id, cpu);
    CHECK_EQUAL(sched_getcpu(), cpu);
    seen++;
  }
  CHECK(seen > 0);
  CHECK_EQUAL(sched_setaffinity(0, sizeof all, &all), 0);
}
static void *work(void *unused) {
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  check();
  return unused;
}
int main(void) {
  if (!__rseq_size)
    SKIP("libc does not register restartable sequences");
  pthread_t thread;
  pthread_barrier_init(&met, NULL, 2);
  pthread_create(&thread, NULL, work, NULL);
  pthread_barrier_wait(&met);
  check();
  die_and_come_back();
  check();
  pthread_barrier_wait(&met);
  pthread_join(thread, NULL);
  return 0;
}
