// Each thread has its own signal mask back.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <pthread.h>
static pthread_barrier_t met;
static void expect(int only) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  for (int number = 1; number < 32; number++)
    CHECK_EQUAL(sigismember(&mask, number), number == only);
}
static void *work(void *argument) {
  int number = *(int *)argument;
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, number);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  expect(number);
  return NULL;
}
int main(void) {
  static int numbers[] = {SIGHUP, SIGCHLD, SIGUSR2, SIGWINCH};
  pthread_t threads[4];
  pthread_barrier_init(&met, NULL, 5);
  for (int i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, work, &numbers[i]);
  pthread_barrier_wait(&met);
  die_and_come_back();
  expect(0);
  pthread_barrier_wait(&met);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
