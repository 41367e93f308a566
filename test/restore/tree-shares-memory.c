// A process that has its parent's memory, and was not made by vfork(), is
// refused by that name, and within seconds; one that was made by vfork() is
// waited for, and a program with its like is checkpointed when it has ended.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run -- %t 2> %t.said
// RUN: test $(grep -c HWCKPT-E234 %t.said) = 1 && grep -q 'E234.*memory' %t.said
#include "behaviour.h"
#include <pthread.h>
#include <sys/wait.h>
static char stack[65536];
static int shares(void *unused) {
  (void)unused;
  for (;;)
    syscall(SYS_pause);
}
/* Longer than others are waited for. */
static void *spawn(void *begun) {
  pid_t child = vfork();
  if (!child) {
    *(volatile int *)begun = 1;
    syscall(SYS_nanosleep, &(struct timespec){.tv_sec = 5}, NULL);
    _exit(0);
  }
  CHECK(child > 0 && waitpid(child, NULL, 0) == child);
  return NULL;
}
int main(void) {
  volatile int begun = 0;
  pthread_t thread;
  pid_t child = clone(shares, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
  CHECK(child > 0);
  double begin = now();
  CHECK_EQUAL(__builtin_ckpt_save(), -EIO);
  CHECK(now() - begin < 60);
  CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  pid_t other = fork();
  CHECK(other >= 0);
  if (!other)
    for (;;)
      pause();
  CHECK(pthread_create(&thread, NULL, spawn, (void *)&begun) == 0);
  while (!begun)
    sched_yield();
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  CHECK(kill(other, SIGKILL) == 0 && waitpid(other, NULL, 0) == other);
  return 0;
}
