// Threads come back with ids, names and what libc keeps of them: they can be
// signalled, joined, and new ones be made; the parent of threads is the same.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/syscall.h>
enum { THREADS = 20 };
static pthread_barrier_t met;
static _Atomic int signalled;
static __thread long own = 5;
static void handler(int number) {
  (void)number;
  signalled++;
}
static void *work(void *argument) {
  long me = (long)argument;
  char name[16], got[16];
  pid_t tid = gettid();
  own += me;
  snprintf(name, sizeof name, "thread (%ld)", me);
  CHECK_EQUAL(pthread_setname_np(pthread_self(), name), 0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met); /* killed and restored meanwhile */
  CHECK_EQUAL(syscall(SYS_gettid), tid);
  CHECK_EQUAL(own, 5 + me);
  CHECK_EQUAL(pthread_getname_np(pthread_self(), got, sizeof got), 0);
  CHECK(strcmp(name, got) == 0);
  return (void *)(me * 3);
}
static void *late(void *unused) {
  CHECK_EQUAL(own, 5);
  return unused;
}
int main(void) {
  pthread_t threads[THREADS];
  pid_t pid = getpid(), tid = gettid();
  char got[16];
  signal(SIGUSR2, handler);
  pthread_barrier_init(&met, NULL, THREADS + 1);
  pthread_setname_np(pthread_self(), "the first");
  for (long i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, (void *)i);
  pthread_barrier_wait(&met);
  die_and_come_back();
  CHECK_EQUAL(syscall(SYS_getpid), pid);
  CHECK_EQUAL(syscall(SYS_gettid), tid);
  CHECK_EQUAL(pthread_getname_np(pthread_self(), got, sizeof got), 0);
  CHECK(strcmp(got, "the first") == 0);
  CHECK_EQUAL(pthread_kill(threads[3], SIGUSR2), 0);
  while (!signalled)
    sched_yield();
  pthread_barrier_wait(&met);
  for (long i = 0; i < THREADS; i++) {
    void *result;
    CHECK_EQUAL(pthread_join(threads[i], &result), 0);
    CHECK_EQUAL((long)result, i * 3);
  }
  for (int i = 0; i < 20; i++) {
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, late, NULL), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
  }
  return 0;
}
