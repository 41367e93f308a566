// A signal of the program's own that comes while it stands still for a
// checkpoint does to a call what it would have done without: the call ends with
// EINTR, or is made again, as its handler and signal(7) have it. The stops are
// long, and the signals many: some come in each. One that comes in the
// microsecond in which the call is taken up again only calls its handler
// (docs/limits.md), hence the part that may be missing.
// RUN: %behaviour -I%S/Inputs %s -o %t
// RUN: env HWCKPT_OPTIONS=track=full:method=stop:level=-5 %hwckpt run -- %t
#include "blocked.h"
#include <poll.h>
#include <signal.h>
#include <time.h>

enum { MEMORY = 64 << 20, STOPS = 12, PERIOD = 10000000 /* ns */ };
static int ends[2];
static volatile int handled; // in the thread that waits
static _Atomic int over;

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
static long call_read(void) {
  char byte;
  return or_errno(read(ends[0], &byte, 1));
}

static const struct row {
  const char *name;
  int flags;
  long (*call)(void);
  int masked, ends_by_it;
} rows[] = {
    {"ppoll()", 0, call_ppoll, 1, 1},
    {"ppoll() with SA_RESTART", SA_RESTART, call_ppoll, 1, 1},
    {"read()", 0, call_read, 0, 1},
    {"read() with SA_RESTART", SA_RESTART, call_read, 0, 0},
};

static timer_t signal_now_and_then(void) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                           .sigev_signo = SIGUSR2};
  event._sigev_un._tid = gettid();
  const struct itimerspec times = {{.tv_nsec = PERIOD}, {.tv_nsec = PERIOD}};
  CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  CHECK_EQUAL(timer_settime(timer, 0, &times, NULL), 0);
  return timer;
}

static void *waits(void *argument) {
  const struct row *row = argument;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  CHECK_EQUAL(
      pthread_sigmask(row->masked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL), 0);
  timer_t timer = signal_now_and_then();
  long interrupted = 0;
  for (long result; !over; interrupted++) {
    result = row->call();
    if (result == 1)
      break;
    CHECK_EQUAL(result, -EINTR);
  }
  CHECK_EQUAL(timer_delete(timer), 0);
  int missing = handled - (int)interrupted;
  dprintf(2, "%s: %d handled, %ld calls interrupted\n", row->name, handled,
          interrupted);
  CHECK(handled > STOPS);
  if (row->ends_by_it)
    CHECK(missing * 4 < handled);
  else
    CHECK_EQUAL(interrupted, 0);
  return NULL;
}

int main(void) {
  char *volatile memory = malloc(MEMORY);
  CHECK(memory && pipe(ends) == 0);
  memset(memory, 1, MEMORY);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct sigaction action = {.sa_handler = handler,
                               .sa_flags = rows[i].flags};
    pthread_t thread;
    CHECK_EQUAL(sigaction(SIGUSR2, &action, NULL), 0);
    handled = over = 0;
    CHECK_EQUAL(pthread_create(&thread, NULL, waits, (void *)&rows[i]), 0);
    for (int stop = 0; stop < STOPS; stop++) {
      for (int before = handled; handled == before;)
        sched_yield();
      CHECK_EQUAL(hwckpt_checkpoint(), 0);
    }
    over = 1;
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    char byte;
    if (rows[i].call != call_read)
      CHECK_EQUAL(read(ends[0], &byte, 1), 1);
  }
  return 0;
}
