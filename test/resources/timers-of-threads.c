// Timers of a thread that has ended, by its id and by its processor time, are
// there after a restore, and signal nobody as before. Those on the processor
// time of the process or a thread go on, with other ids too.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: rm -rf %t.cache
// RUN: env HWCKPT_CACHE=%t.cache bash -c \
// RUN:   '%hwckpt run -- %t || test $? = 137 && %hwckpt restore --pid=any'
#include "behaviour.h"
#include <pthread.h>

static const struct itimerspec later = {{0, 0}, {1000, 0}};
static const struct itimerspec soon = {{0, 0}, {0, 100000000}};
static volatile sig_atomic_t came;
static timer_t of_id, of_time;
static pid_t ended;

static void note(int number) { came += number == SIGRTMIN; }

static timer_t make(clockid_t clock, int notify,
                    const struct itimerspec *times) {
  struct sigevent event = {.sigev_notify = notify, .sigev_signo = SIGRTMIN};
  timer_t timer;
  event._sigev_un._tid = gettid();
  CHECK_EQUAL(timer_create(clock, &event, &timer), 0);
  CHECK_EQUAL(timer_settime(timer, 0, times, NULL), 0);
  return timer;
}

static timer_t on_own_time(void) {
  clockid_t clock;
  CHECK_EQUAL(pthread_getcpuclockid(pthread_self(), &clock), 0);
  return make(clock, SIGEV_SIGNAL, &soon);
}

static void *end(void *unused) {
  ended = gettid();
  of_id = make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, &later);
  of_time = on_own_time();
  return unused;
}

static void await_end(void) {
  while (syscall(SYS_tgkill, getpid(), ended, 0) == 0)
    sched_yield();
}

int main(void) {
  pthread_t thread;
  clockid_t clock;
  struct itimerspec times;
  signal(SIGRTMIN, note);
  CHECK_EQUAL(pthread_create(&thread, NULL, end, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  await_end();
  on_own_time();
  CHECK_EQUAL(clock_getcpuclockid(getpid(), &clock), 0);
  make(clock, SIGEV_SIGNAL, &soon);
  make(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, &soon);
  die_and_come_back();
  CHECK_EQUAL(timer_gettime(of_id, &times), 0);
  CHECK_EQUAL(timer_delete(of_id), 0);
  CHECK_EQUAL(timer_delete(of_time), 0);
  for (double begin = now(); came < 3;)
    CHECK(now() - begin < 20);
  CHECK_EQUAL(came, 3);
  return 0;
}
