// A restored thread that ends with a robust mutex leaves it to the next one;
// also where the kernel, who writes that to the mutex, finds it in memory that
// is protected to see what is written.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %restored_by_all -o track=mprotect -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
enum { MEMORY = 1 << 20 };
static pthread_mutex_t *mutex;
static pthread_barrier_t met;
static void *holds(void *unused) {
  CHECK_EQUAL(pthread_mutex_lock(mutex), 0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_mutexattr_t robust;
  mutex = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mutex != MAP_FAILED);
  memset(mutex, 0, MEMORY);
  pthread_mutexattr_init(&robust);
  pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(mutex, &robust);
  pthread_barrier_init(&met, NULL, 2);
  pthread_create(&thread, NULL, holds, NULL);
  pthread_barrier_wait(&met);
  void *head, *restored;
  size_t length, restored_length;
  CHECK_EQUAL(syscall(SYS_get_robust_list, 0, &head, &length), 0);
  die_and_come_back();
  CHECK_EQUAL(syscall(SYS_get_robust_list, 0, &restored, &restored_length), 0);
  CHECK(restored == head && restored_length == length);
  CHECK_EQUAL(pthread_mutex_trylock(mutex), EBUSY);
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  pthread_barrier_wait(&met);
  pthread_join(thread, NULL);
  CHECK_EQUAL(pthread_mutex_trylock(mutex), EOWNERDEAD);
  return 0;
}
