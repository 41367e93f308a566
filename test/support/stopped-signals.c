// A signal of the program's own that comes while it stands still for a
// checkpoint does to a call what it would have done without: the call ends with
// EINTR, or is made again, as its handler and signal(7) have it. One that comes
// in the microsecond in which the call is taken up again only calls its handler
// (docs/limits.md).
// RUN: %behaviour -I%S/Inputs %s -o %t
// RUN: env HWCKPT_OPTIONS=track=full:method=stop:level=-5 %hwckpt run -- %t
#include "blocked.h"
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

// The signal comes after one of so many times: in some stops, if not in all.
enum { MEMORY = 128 << 20, STOPS = 24, DELAYS = 12, DELAY = 3000000 /* ns */ };
static int ends[2], epoll;
static _Atomic int handled, interrupted, over;
static _Atomic pid_t waiter;

static void handler(int number) {
  (void)number;
  handled++;
}
// Only there can the signal come.
static long call_ppoll(void) {
  sigset_t none;
  sigemptyset(&none);
  return or_errno(ppoll(NULL, 0, NULL, &none));
}
static long call_poll(void) { return or_errno(poll(NULL, 0, -1)); }
static const struct timespec hour = {.tv_sec = 3600};
static long call_epoll(void) {
  struct epoll_event event;
  return or_errno(epoll_pwait2(epoll, &event, 1, &hour, NULL));
}
static long call_futex(void) {
  int word = 0;
  return or_errno(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &hour, NULL, 0));
}
static long call_read(void) {
  char byte;
  return or_errno(read(ends[0], &byte, 1));
}

static const struct row {
  const char *name;
  int flags;
  long (*call)(void);
  long number;
  int how, ends_by_it; // SIG_BLOCK: outside the call
} rows[] = {
    {"ppoll()", 0, call_ppoll, SYS_ppoll, SIG_BLOCK, 1},
    {"ppoll() with SA_RESTART", SA_RESTART, call_ppoll, SYS_ppoll, SIG_BLOCK,
     1},
    {"poll() with SA_RESTART", SA_RESTART, call_poll, SYS_poll, SIG_UNBLOCK, 1},
    {"epoll_pwait2() with SA_RESTART", SA_RESTART, call_epoll, SYS_epoll_pwait2,
     SIG_UNBLOCK, 1},
    {"a futex with a time, with SA_RESTART", SA_RESTART, call_futex, SYS_futex,
     SIG_UNBLOCK, 1},
    {"read()", 0, call_read, SYS_read, SIG_UNBLOCK, 1},
    {"read() with SA_RESTART", SA_RESTART, call_read, SYS_read, SIG_UNBLOCK, 0},
};

static void *waits(void *argument) {
  const struct row *row = argument;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  CHECK_EQUAL(pthread_sigmask(row->how, &set, NULL), 0);
  waiter = gettid();
  for (long result; !over;) {
    result = row->call();
    if (result == 1)
      break;
    CHECK_EQUAL(result, -EINTR);
    interrupted++;
  }
  return NULL;
}

static void signal_soon(timer_t timer) {
  static int turn;
  const struct itimerspec time = {
      .it_value = {.tv_nsec = (1 + turn++ % DELAYS) * DELAY}};
  CHECK_EQUAL(timer_settime(timer, 0, &time, NULL), 0);
}

static int comes_to(const _Atomic int *count, int wanted) {
  for (double begin = now(); *count < wanted && now() - begin < 3;)
    sched_yield();
  return *count == wanted;
}

// A signal while it waits and stands still; whether its call ended. The next
// signal ends the one that should have.
static int stop(const struct row *row, timer_t timer) {
  int signals = handled + 1, calls = interrupted + row->ends_by_it;
  wait_until_in(waiter, row->number, row->name);
  signal_soon(timer);
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  CHECK(comes_to(&handled, signals));
  if (comes_to(&interrupted, calls))
    return 1;
  dprintf(2, "%s: %d calls interrupted, not %d\n", row->name, interrupted,
          calls);
  return 0;
}

static void try(const struct row *row) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = row->flags};
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                           .sigev_signo = SIGUSR2};
  pthread_t thread;
  timer_t timer;
  waiter = over = 0;
  CHECK_EQUAL(sigaction(SIGUSR2, &action, NULL), 0);
  CHECK_EQUAL(pthread_create(&thread, NULL, waits, (void *)row), 0);
  while (!waiter)
    sched_yield();
  event._sigev_un._tid = waiter;
  CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  int right = 0;
  for (int i = 0; i < STOPS; i++)
    right += stop(row, timer);
  CHECK(row->ends_by_it ? right >= STOPS - 2 : right == STOPS);
  over = 1;
  signal_soon(timer);
  if (row->call == call_read)
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  CHECK_EQUAL(timer_delete(timer), 0);
}

int main(void) {
  char *volatile memory = malloc(MEMORY);
  CHECK(memory && pipe(ends) == 0 && (epoll = epoll_create1(0)) >= 0);
  memset(memory, 1, MEMORY);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    try(&rows[i]);
  return 0;
}
