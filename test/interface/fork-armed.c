// Children forked while sites are armed run without traps and without a
// runtime: a save is -ENOSYS there, a request is nothing, SIGUSR1 does no harm.
// So it is where nobody takes checkpoints of all processes together.
// RUN: %behaviour %s -o %t && HWCKPT_OPTIONS=every=1ms %t && HWCKPT_OPTIONS=every_site=200 %t
#include "behaviour.h"
#include <pthread.h>
#include <sys/wait.h>
static _Atomic int ends_now;
static volatile unsigned bound = 20000;
static void *loops(void *unused) {
  while (!ends_now)
    sched_yield();
  return unused;
}
static __attribute__((noinline)) unsigned work(void) {
  unsigned value = 1;
  for (unsigned i = 0; i < bound; i++)
    value = value * 3 + i;
  return value;
}
static int child(unsigned wanted) {
  if (work() != wanted)
    return 1;
  if (__builtin_ckpt_save() != -ENOSYS || hwckpt_request() != -ENOSYS)
    return 2;
  kill(getpid(), SIGUSR1);
  return work() == wanted ? 42 : 3;
}
int main(void) {
  pthread_t thread;
  unsigned wanted = work();
  pthread_create(&thread, NULL, loops, NULL);
  for (int i = 0; i < 60; i++) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
      _exit(child(wanted));
    int status;
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    CHECK_EQUAL(status, 42 << 8);
  }
  ends_now = 1;
  pthread_join(thread, NULL);
  return 0;
}
