// Threads that block every signal, SIGTRAP and the request's among them, are
// stopped, come back with the same masks, and never die of a site.
// RUN: %behaviour %s -o %t && rm -f %t.once && %restored --every 5ms -o keep=1000 -- %t %t.once
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
static void handler(int number) {
  (void)number;
  for (volatile unsigned long i = 0; i < 1000000; i++)
    ;
}
int main(int argc, char **argv) {
  pthread_t threads[2];
  CHECK(argc == 2);
  struct sigaction action = {.sa_handler = handler};
  sigfillset(&action.sa_mask);
  CHECK_EQUAL(sigaction(SIGUSR2, &action, NULL), 0);
  pthread_create(&threads[0], NULL, all_by_libc, NULL);
  while (started < 1)
    sched_yield();
  for (int i = 0; i < 5; i++)
    raise(SIGUSR2);
  wait_for_generations(3);
  pthread_create(&threads[1], NULL, all_by_system_call, NULL);
  while (started < 2)
    sched_yield();
  wait_for_generations(3);
  if (first_time(argv[1]))
    die();
  wait_for_generations(3);
  raise(SIGUSR2);
  ends_now = 1;
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
