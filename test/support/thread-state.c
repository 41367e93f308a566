// What libc and the kernel keep for threads goes on after a restore: states of
// cancellation, destructors of thread-local values, mutexes with priority
// inheritance that are held and waited for.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>
static pthread_barrier_t met;
static pthread_key_t key;
static pthread_mutex_t inherits, dies;
static int forty_one = 41;
static atomic_int destroyed, cleaned, waiting, got;

static void destroy(void *value) {
  CHECK_EQUAL(*(int *)value, 41);
  atomic_fetch_add(&destroyed, 1);
}
static void clean(void *unused) {
  (void)unused;
  atomic_fetch_add(&cleaned, 1);
}
static void meet_twice(void) {
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
}
/* Cancelled while it must not be: is once it may. */
static void *disabled(void *unused) {
  int before;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
  pthread_setspecific(key, &forty_one);
  pthread_cleanup_push(clean, NULL);
  pthread_cancel(pthread_self());
  meet_twice();
  pthread_testcancel();
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
  CHECK_EQUAL(before, PTHREAD_CANCEL_DISABLE);
  pthread_testcancel();
  CHECK(!"cancelled");
  pthread_cleanup_pop(0);
  return unused;
}
/* Cancelled anywhere, without a call. */
static void *asynchronous(void *unused) {
  pthread_setspecific(key, &forty_one);
  pthread_cleanup_push(clean, NULL);
  meet_twice();
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
  for (;;)
    __asm__ volatile("");
  pthread_cleanup_pop(0);
  return unused;
}
/* Waits in the kernel for who holds it. */
static void *waits(void *unused) {
  atomic_store(&waiting, (int)syscall(SYS_gettid));
  CHECK_EQUAL(pthread_mutex_lock(&inherits), 0);
  atomic_store(&got, 1);
  CHECK_EQUAL(pthread_mutex_unlock(&inherits), 0);
  return unused;
}
/* Ends with it. */
static void *holds(void *unused) {
  CHECK_EQUAL(pthread_mutex_lock(&dies), 0);
  meet_twice();
  return unused;
}
static void make(pthread_mutex_t *mutex) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  CHECK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0);
  CHECK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
  CHECK(pthread_mutex_init(mutex, &attributes) == 0);
}
static void wait_until_asleep(void) {
  char path[64], text[64] = "";
  while (!atomic_load(&waiting))
    sched_yield();
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", waiting);
  while (atoi(text) != SYS_futex || text[0] == 'r') {
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
  }
}
int main(void) {
  pthread_t threads[4];
  void *(*const work[])(void *) = {disabled, asynchronous, holds, waits};
  pthread_barrier_init(&met, NULL, 4);
  pthread_key_create(&key, destroy);
  make(&inherits);
  make(&dies);
  CHECK_EQUAL(pthread_mutex_lock(&inherits), 0);
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, work[i], NULL), 0);
  pthread_barrier_wait(&met);
  wait_until_asleep();
  die_and_come_back();
  CHECK(!cleaned && !destroyed && !got);
  CHECK_EQUAL(pthread_mutex_trylock(&dies), EBUSY);
  pthread_barrier_wait(&met);
  void *result;
  CHECK(pthread_join(threads[0], &result) == 0 && result == PTHREAD_CANCELED);
  CHECK_EQUAL(pthread_cancel(threads[1]), 0);
  CHECK(pthread_join(threads[1], &result) == 0 && result == PTHREAD_CANCELED);
  CHECK_EQUAL(cleaned, 2);
  CHECK_EQUAL(destroyed, 2);
  pthread_join(threads[2], NULL);
  CHECK_EQUAL(pthread_mutex_lock(&dies), EOWNERDEAD);
  CHECK_EQUAL(pthread_mutex_consistent(&dies), 0);
  CHECK_EQUAL(pthread_mutex_unlock(&dies), 0);
  CHECK(!got);
  CHECK_EQUAL(pthread_mutex_unlock(&inherits), 0);
  pthread_join(threads[3], NULL);
  CHECK(got);
  return 0;
}
