// Timers of a thread that ended since the checkpoint, by its id and by its
// processor time, reach it when a rollback has started it again.
// RUN: %behaviour %s -o %t
// RUN: rm -rf %t.cache %t.file && HWCKPT_CACHE=%t.cache %t %t.file
#include "behaviour.h"
#include <pthread.h>

static const struct itimerspec period = {{0, 50000000}, {0, 50000000}};
static volatile sig_atomic_t to_thread, of_time;
static volatile pid_t self;
static pthread_barrier_t met;

static void note_thread(int number) { to_thread += gettid() == self; }
static void note_time(int number) { of_time++; }

static void make(clockid_t clock, int notify, int number) {
  struct sigevent event = {.sigev_notify = notify, .sigev_signo = number};
  timer_t timer;
  event._sigev_un._tid = gettid();
  CHECK_EQUAL(timer_create(clock, &event, &timer), 0);
  CHECK_EQUAL(timer_settime(timer, 0, &period, NULL), 0);
}

static void *work(void *unused) {
  clockid_t clock;
  self = gettid();
  CHECK_EQUAL(pthread_getcpuclockid(pthread_self(), &clock), 0);
  make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1);
  make(clock, SIGEV_SIGNAL, SIGUSR2);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met); // saved
  to_thread = of_time = 0;
  for (double begin = now(); to_thread < 2 || of_time < 2;)
    CHECK(now() - begin < 20);
  return unused;
}

int main(int argc, char **argv) {
  pthread_t thread;
  CHECK_EQUAL(argc, 2);
  signal(SIGUSR1, note_thread);
  signal(SIGUSR2, note_time);
  pthread_barrier_init(&met, NULL, 2);
  CHECK_EQUAL(pthread_create(&thread, NULL, work, NULL), 0);
  pthread_barrier_wait(&met);
  CHECK(__builtin_ckpt_save() >= 0);
  pthread_barrier_wait(&met);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  if (first_time(argv[1]))
    roll_back();
  return 0;
}
