// A signal of the program's own that comes while a thread is stopped, or at any
// moment about that, interrupts the thread's call as ever: none is lost, none
// comes twice.
// RUN: %behaviour -I%S/Inputs %s -o %t && %hwckpt run -- %t
#include "blocked.h"
enum { ROUNDS = 100 };
static _Atomic int handled, rounds;
static _Atomic pid_t sleeper;
static void handler(int number) {
  (void)number;
  handled++;
}
static void *sleeps(void *unused) {
  sleeper = gettid();
  while (rounds < ROUNDS) {
    struct timespec day = {.tv_sec = 86400};
    int before = rounds;
    CHECK(nanosleep(&day, NULL) < 0 && errno == EINTR);
    CHECK_EQUAL(handled, before + 1);
    rounds++;
  }
  return unused;
}
static void *sends(void *unused) {
  for (int i = 0; i < ROUNDS; i++) {
    while (rounds < i)
      sched_yield();
    wait_until_in(sleeper, SYS_clock_nanosleep, "sleeper");
    syscall(SYS_tgkill, getpid(), sleeper, SIGUSR2);
  }
  return unused;
}
int main(void) {
  pthread_t threads[2];
  signal(SIGUSR2, handler);
  pthread_create(&threads[0], NULL, sleeps, NULL);
  while (!sleeper)
    sched_yield();
  pthread_create(&threads[1], NULL, sends, NULL);
  double begin = now();
  while (rounds < ROUNDS && now() - begin < 20)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(rounds, ROUNDS);
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
