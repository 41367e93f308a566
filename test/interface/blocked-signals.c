// Threads that block every signal, SIGTRAP and the request's among them, are
// stopped, come back with the same masks, and never die of a site.
// RUN: %behaviour %s -o %t && %restored -- %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/syscall.h>
static _Atomic int ends_now, started;
static void *all_by_libc(void *unused) {
  sigset_t all, now_blocked;
  sigfillset(&all);
  CHECK_EQUAL(pthread_sigmask(SIG_SETMASK, &all, NULL), 0);
  started++;
  for (volatile unsigned long i = 0; !ends_now; i++)
    ;
  CHECK_EQUAL(pthread_sigmask(SIG_SETMASK, NULL, &now_blocked), 0);
  CHECK(sigismember(&now_blocked, SIGUSR1) &&
        sigismember(&now_blocked, SIGINT));
  return unused;
}
/* Its sites cannot be armed: the runtime has to see that. */
static void *all_by_system_call(void *unused) {
  unsigned long all = ~(3ul << 31), now_blocked; /* but libc's own */
  CHECK_EQUAL(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8), 0);
  started++;
  for (volatile unsigned long i = 0; !ends_now; i++)
    ;
  CHECK_EQUAL(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now_blocked, 8),
              0);
  CHECK(now_blocked >> (SIGTRAP - 1) & 1 && now_blocked >> (SIGUSR1 - 1) & 1);
  return unused;
}
static _Atomic int saved;
static void *saves(void *unused) {
  for (int i = 0; i < 10; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  saved = 1;
  return unused;
}
static void handler(int number) {
  (void)number;
  while (!saved)
    ;
}
/* Saves while this thread is in a handler that blocks everything. */
static void save_meanwhile(void) {
  pthread_t thread;
  saved = 0;
  CHECK_EQUAL(pthread_create(&thread, NULL, saves, NULL), 0);
  raise(SIGUSR2);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
}
static void start(pthread_t *thread, void *(*work)(void *)) {
  int wanted = started + 1;
  CHECK_EQUAL(pthread_create(thread, NULL, work, NULL), 0);
  while (started < wanted)
    sched_yield();
}
int main(void) {
  pthread_t threads[2];
  struct sigaction action = {.sa_handler = handler};
  sigfillset(&action.sa_mask);
  CHECK_EQUAL(sigaction(SIGUSR2, &action, NULL), 0);
  start(&threads[0], all_by_libc);
  save_meanwhile();
  /* Not while sites may be armed: that is a limit (docs/limits.md). */
  start(&threads[1], all_by_system_call);
  save_meanwhile();
  die_and_come_back();
  save_meanwhile();
  ends_now = 1;
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
