// Threads that hand each other work through mutexes and condition variables.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread && %python %S/Inputs/kill-and-restore --hwckpt %hwckpt --dir %t.dir -- %t
#include <pthread.h>
#include <stdio.h>
enum { THREADS = 4, TURNS = 60000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed[THREADS] = {
    PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER,
    PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static int turn;
static unsigned long value = 1;
static void *work(void *argument) {
  int me = (int)(long)argument;
  unsigned long own = (unsigned long)me;
  for (int i = 0; i < TURNS; i++) {
    for (int k = 0; k < 10000; k++)
      own = own * 6364136223846793005UL + 1442695040888963407UL;
    pthread_mutex_lock(&lock);
    while (turn != me)
      pthread_cond_wait(&changed[me], &lock);
    value = value * 31 + own;
    if (i % 1000 == 0)
      printf("%d %d %lx\n", me, i, value);
    turn = (turn + 1) % THREADS;
    pthread_cond_signal(&changed[turn]);
    pthread_mutex_unlock(&lock);
  }
  return (void *)own;
}
int main(void) {
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, work, (void *)i);
  for (int i = 0; i < THREADS; i++) {
    void *result;
    pthread_join(threads[i], &result);
    printf("%d %lx\n", i, (unsigned long)result);
  }
  printf("%lx\n", value);
  return 5;
}
