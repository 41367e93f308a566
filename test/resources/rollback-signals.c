// Signals that were pending, for the process and for threads, and were taken
// since are pending again after a rollback; others that came since are too.
// RUN: %behaviour %s -o %t
// RUN: rm -rf %t.cache %t.file && HWCKPT_CACHE=%t.cache %t %t.file
#include "behaviour.h"
#include <pthread.h>

enum { TIMES = 5 };
static pthread_barrier_t met;

static void take_values(int number) {
  for (int i = 0; i < TIMES; i++)
    CHECK_EQUAL(take_signal(number).si_value.sival_int, i);
}

static void take_all_of_thread(void) {
  CHECK_EQUAL(take_signal(SIGUSR1).si_code, SI_USER); // libc makes it that
  take_values(SIGRTMIN);
}

static void *work(void *unused) {
  CHECK_EQUAL(pthread_kill(pthread_self(), SIGUSR1), 0);
  for (int i = 0; i < TIMES; i++)
    CHECK_EQUAL(pthread_sigqueue(pthread_self(), SIGRTMIN,
                                 (union sigval){.sival_int = i}),
                0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met); // saved
  take_all_of_thread();
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met); // if it is not rolled back
  return unused;
}

int main(int argc, char **argv) {
  pthread_t threads[2];
  sigset_t set;
  sigfillset(&set);
  CHECK_EQUAL(argc, 2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_barrier_init(&met, NULL, 3);
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, work, NULL), 0);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(kill(getpid(), SIGUSR2), 0);
  CHECK_EQUAL(pthread_kill(pthread_self(), SIGHUP), 0);
  for (int i = 0; i < TIMES; i++)
    CHECK_EQUAL(
        sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  int before = first_time(argv[1]);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(take_signal(SIGUSR2).si_pid, getpid());
  CHECK_EQUAL(take_signal(SIGHUP).si_pid, getpid());
  take_values(SIGRTMIN + 1);
  pthread_barrier_wait(&met);
  if (before) {
    CHECK_EQUAL(kill(getpid(), SIGWINCH), 0);
    roll_back();
  }
  CHECK_EQUAL(take_signal(SIGWINCH).si_pid, getpid());
  pthread_barrier_wait(&met);
  for (int i = 0; i < 2; i++)
    CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
  sigset_t pending;
  sigpending(&pending);
  CHECK(sigisemptyset(&pending));
  return 0;
}
