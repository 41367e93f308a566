// Threads that enter and leave the kernel all the time are stopped at every
// point of it: no call sees EINTR, none is made twice.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t
#include "behaviour.h"
#include <poll.h>
#include <pthread.h>
#include <sys/select.h>
#include <sys/syscall.h>

static _Atomic int ends_now;
static _Atomic long calls;
static const struct timespec span = {.tv_nsec = 20000};

static void expect(const char *name, long got, long wanted) {
  calls++;
  if (got == wanted)
    return;
  dprintf(2, "%s: %ld, not %ld, errno %d\n", name, got, wanted, errno);
  _exit(1);
}
static void *selects(void *unused) {
  while (!ends_now) {
    struct timeval time = {.tv_usec = 20};
    expect("select", select(0, NULL, NULL, NULL, &time), 0);
    expect("pselect", pselect(0, NULL, NULL, NULL, &span, NULL), 0);
  }
  return unused;
}
static void *sleeps(void *unused) {
  struct timespec left;
  while (!ends_now) {
    expect("nanosleep", nanosleep(&span, &left), 0);
    expect("usleep", usleep(20), 0);
    expect("poll", poll(NULL, 0, 1), 0);
    expect("ppoll", ppoll(NULL, 0, &span, NULL), 0);
  }
  return unused;
}
static void *signals(void *unused) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  while (!ends_now) {
    errno = 0;
    expect("sigtimedwait", sigtimedwait(&set, NULL, &span), -1);
    expect("sigtimedwait: errno", errno, EAGAIN);
  }
  return unused;
}
static int there[2], back[2];
static void *echoes(void *unused) {
  unsigned value;
  while (read(there[0], &value, sizeof value) == sizeof value)
    expect("write back", write(back[1], &value, sizeof value), sizeof value);
  return unused;
}
static void *asks(void *unused) {
  for (unsigned value, i = 0; !ends_now; i++) {
    expect("write", write(there[1], &i, sizeof i), sizeof i);
    expect("read", read(back[0], &value, sizeof value), sizeof value);
    expect("value", value, i);
  }
  close(there[1]);
  return unused;
}
int main(void) {
  static void *(*const works[])(void *) = {selects, sleeps, signals, echoes,
                                           asks};
  enum { COUNT = sizeof works / sizeof works[0] };
  pthread_t threads[COUNT];
  CHECK(pipe(there) == 0 && pipe(back) == 0);
  for (int i = 0; i < COUNT; i++)
    pthread_create(&threads[i], NULL, works[i], NULL);
  while (calls < 1000)
    sched_yield();
  for (int stop = 0; stop < 50; stop++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  ends_now = 1;
  for (int i = 0; i < COUNT; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
