// Functions of libc that wait with a set of signals blocked: a handler that
// ends the wait runs without the traps blocked, so its sites can be armed, and
// all else that the set has; and they stay cancellation points, with their
// times.
// RUN: %behaviour %s -o %t && %restored -- %t
// RUN: %behaviour -static %s -o %t && %restored -- %t
#include "behaviour.h"
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/select.h>
static _Atomic int waits, handled, saved;
static sigset_t most;
static int epoll, ends[2];
static void check_mask(void) {
  sigset_t now;
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, NULL, &now), 0);
  CHECK(!sigismember(&now, SIGTRAP) && !sigismember(&now, SIGILL) &&
        !sigismember(&now, SIGSYS));
  CHECK(sigismember(&now, SIGINT) && sigismember(&now, SIGRTMAX));
}
/* A checkpoint is taken while it is in its loop. */
static void on_signal(int number) {
  (void)number;
  check_mask();
  handled = 1;
  while (!saved)
    ;
}
static int by_sigsuspend(void) { return sigsuspend(&most); }
static int by_ppoll(void) {
  struct pollfd polled = {.fd = ends[0], .events = POLLIN};
  return ppoll(&polled, 1, NULL, &most);
}
static int by_pselect(void) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(ends[0], &set);
  return pselect(ends[0] + 1, &set, NULL, NULL, NULL, &most);
}
static int by_epoll_pwait(void) {
  struct epoll_event event;
  return epoll_pwait(epoll, &event, 1, -1, &most);
}
static int by_epoll_pwait2(void) {
  struct epoll_event event;
  return epoll_pwait2(epoll, &event, 1, NULL, &most);
}
static int (*const ways[])(void) = {by_sigsuspend, by_ppoll, by_pselect,
                                    by_epoll_pwait, by_epoll_pwait2};
enum { WAYS = sizeof ways / sizeof *ways };
static void *wait_for_signal(void *argument) {
  int (*way)(void) = *(int (*const *)(void))argument;
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, SIGUSR2); /* is pending until the call is made */
  CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, &own, NULL), 0);
  waits = 1;
  int result = way(), error = errno;
  CHECK_EQUAL(result, -1);
  CHECK_EQUAL(error, EINTR);
  return NULL;
}
static void *wait_for_ever(void *argument) {
  int (*way)(void) = *(int (*const *)(void))argument;
  waits = 1;
  way();
  return NULL;
}
static void await_waiter(void) {
  while (!waits)
    sched_yield();
}
static void try_way(unsigned i, bool killed) {
  pthread_t thread;
  waits = handled = saved = 0;
  CHECK_EQUAL(pthread_create(&thread, NULL, wait_for_signal,
                             (void *)(uintptr_t)&ways[i]),
              0);
  await_waiter();
  CHECK_EQUAL(pthread_kill(thread, SIGUSR2), 0);
  while (!handled)
    sched_yield();
  if (killed)
    die_and_come_back();
  else
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  saved = 1;
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
}
static void cancel(unsigned i) {
  pthread_t thread;
  void *result;
  waits = 0;
  CHECK_EQUAL(
      pthread_create(&thread, NULL, wait_for_ever, (void *)(uintptr_t)&ways[i]),
      0);
  await_waiter();
  CHECK_EQUAL(pthread_cancel(thread), 0);
  CHECK_EQUAL(pthread_join(thread, &result), 0);
  CHECK(result == PTHREAD_CANCELED);
}
static void keep_time(void) {
  struct pollfd polled = {.fd = ends[0], .events = POLLIN};
  struct timespec time = {0, 1000000};
  fd_set set;
  FD_ZERO(&set);
  CHECK_EQUAL(ppoll(&polled, 1, &time, NULL), 0);
  CHECK_EQUAL(pselect(0, &set, NULL, NULL, &time, NULL), 0);
  CHECK(time.tv_sec == 0 && time.tv_nsec == 1000000);
  errno = 0;
  CHECK(ppoll(NULL, 1u << 31, &time, NULL) == -1 && errno != 0);
}
int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  struct epoll_event event = {.events = EPOLLIN};
  CHECK_EQUAL(sigaction(SIGUSR2, &action, NULL), 0);
  sigfillset(&most);
  sigdelset(&most, SIGUSR2);
  CHECK_EQUAL(pipe(ends), 0);
  epoll = epoll_create1(0);
  CHECK_EQUAL(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event), 0);
  for (unsigned i = 0; i < WAYS; i++) {
    try_way(i, i == WAYS - 1);
    cancel(i);
  }
  keep_time();
  return 0;
}
