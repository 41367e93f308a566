// Killed and restored twenty times the result is that of one run, however the
// process gets its id and whoever restores it. Threads and
// the heap are carried along.
// RUN: %clang -fhwckpt -O2 %s -o %t -pthread
// RUN: %python %S/Inputs/come-back %hwckpt 20 7 %t same
// RUN: %python %S/Inputs/come-back --restore=--pid=any %hwckpt 20 7 %t any
// RUN: bash %S/../tools/Inputs/needs-namespaces && %python %S/Inputs/come-back --restore=--pid=namespace %hwckpt 20 7 %t same
#include "Inputs/come-back.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
enum { TIMES = 20, THREADS = 3, PAGES = 50 };
static _Atomic int turn; // of the threads: 0 is the main thread's
static unsigned long sums[THREADS + 1];
static void *work(void *argument) {
  int me = (int)(long)argument;
  for (int round = 0; round < TIMES; round++) {
    while (atomic_load(&turn) != me)
      usleep(100);
    sums[me] = sums[me] * 31 + sums[me - 1] + (unsigned long)me;
    atomic_store(&turn, (me + 1) % (THREADS + 1));
  }
  return NULL;
}
static void round_of_all(int round) {
  sums[0] = sums[THREADS] + (unsigned long)round;
  atomic_store(&turn, 1);
  while (atomic_load(&turn) != 0)
    usleep(100);
}
static unsigned long expected(void) {
  unsigned long all[THREADS + 1] = {0};
  for (int round = 0; round < TIMES; round++) {
    all[0] = all[THREADS] + (unsigned long)round;
    for (int i = 1; i <= THREADS; i++)
      all[i] = all[i] * 31 + all[i - 1] + (unsigned long)i;
  }
  return all[THREADS];
}
int main(int count, char **arguments) {
  CHECK(count == 2);
  int same_id = strcmp(arguments[1], "same") == 0;
  pid_t pid = getpid();
  pthread_t threads[THREADS];
  char *pages[TIMES];
  for (long i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
  for (int round = 0; round < TIMES; round++) {
    round_of_all(round);
    pages[round] = malloc(PAGES * 4096);
    CHECK(pages[round]);
    memset(pages[round], round, PAGES * 4096);
    die_and_come_back();
    CHECK(!same_id || getpid() == pid);
    CHECK(syscall(SYS_gettid) == getpid());
  }
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  for (int round = 0; round < TIMES; round++)
    for (int i = 0; i < PAGES * 4096; i++)
      CHECK(pages[round][i] == round);
  CHECK(sums[THREADS] == expected());
  return 7;
}
