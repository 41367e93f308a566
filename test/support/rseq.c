// Restartable sequences are registered again: the kernel keeps the processor's
// number where libc looks for it, in every thread.
// RUN: %behaviour -I%S/Inputs %s -o %t && %restored_by_all -- %t
#include "rseq.h"
#include <pthread.h>
static pthread_barrier_t met;
static void *work(void *unused) {
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  check(of_libc());
  return unused;
}
int main(void) {
  if (!__rseq_size)
    SKIP("libc does not register restartable sequences");
  pthread_t thread;
  pthread_barrier_init(&met, NULL, 2);
  pthread_create(&thread, NULL, work, NULL);
  pthread_barrier_wait(&met);
  check(of_libc());
  die_and_come_back();
  check(of_libc());
  pthread_barrier_wait(&met);
  pthread_join(thread, NULL);
  return 0;
}
