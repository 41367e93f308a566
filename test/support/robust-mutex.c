// A restored thread that ends with a robust mutex leaves it to the next one.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/syscall.h>
static pthread_mutex_t mutex;
static pthread_barrier_t met;
static void *holds(void *unused) {
  CHECK_EQUAL(pthread_mutex_lock(&mutex), 0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_mutexattr_t robust;
  pthread_mutexattr_init(&robust);
  pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &robust);
  pthread_barrier_init(&met, NULL, 2);
  pthread_create(&thread, NULL, holds, NULL);
  pthread_barrier_wait(&met);
  void *head, *restored;
  size_t length, restored_length;
  CHECK_EQUAL(syscall(SYS_get_robust_list, 0, &head, &length), 0);
  die_and_come_back();
  CHECK_EQUAL(syscall(SYS_get_robust_list, 0, &restored, &restored_length), 0);
  CHECK(restored == head && restored_length == length);
  CHECK_EQUAL(pthread_mutex_trylock(&mutex), EBUSY);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(pthread_mutex_lock(&mutex), EOWNERDEAD);
  pthread_join(thread, NULL);
  return 0;
}
