/* stops.c - what a program without hwckpt takes to stop its own thread, copy
 * what that has written in a second, and have it go on: the floor of a pause,
 * alone or in a crowd.
 *
 *   stops MIB PERCENT SECONDS [MICROSECONDS]
 *
 * With MICROSECONDS it computes before it has the thread go on, until the stop
 * has taken so much of a processor: what others do to a pause of that length.
 * Prints the nanoseconds of each stop, twenty a second.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define MILLISECOND 1000000l
#define TICKS 1000u /* in a second */
#define STOPS 20u   /* in a second */

enum { RUNS, STOPPED, GOES_ON };
static _Atomic unsigned state;

static long long now_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void await_not(unsigned value) {
  while (atomic_load(&state) == value)
    syscall(SYS_futex, &state, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void tell(unsigned value) {
  atomic_store(&state, value);
  syscall(SYS_futex, &state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void on_stop(int number) {
  (void)number;
  tell(STOPPED);
  await_not(STOPPED);
  tell(RUNS);
}

static struct {
  char *memory, *copy;
  size_t pages, a_second, seconds;
  long long least_ns; /* of a processor that a stop takes */
  pthread_t main;
} program;

/* The page that is written n-th: each other than those of the second before. */
static char *page_of(size_t n) {
  return program.memory + n * 2654435761u % program.pages * PAGE;
}

static void *stop_it(void *unused) {
  struct timespec apart = {0, 1000000000l / STOPS};
  for (size_t i = 0; i < program.seconds * STOPS; i++) {
    nanosleep(&apart, NULL);
    long long begin = now_ns(CLOCK_MONOTONIC);
    long long until = now_ns(CLOCK_THREAD_CPUTIME_ID) + program.least_ns;
    pthread_kill(program.main, SIGUSR1);
    await_not(RUNS);
    for (size_t page = 0; page < program.a_second; page++)
      memcpy(program.copy + page * PAGE,
             page_of(i / STOPS * program.a_second + page), PAGE);
    while (now_ns(CLOCK_THREAD_CPUTIME_ID) < until)
      ;
    tell(GOES_ON);
    await_not(GOES_ON);
    printf("%lld\n", now_ns(CLOCK_MONOTONIC) - begin);
    fflush(stdout);
  }
  exit(0);
  return unused;
}

static void *map(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    exit(1);
  return memset(memory, 1, bytes);
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fprintf(stderr, "usage: stops MIB PERCENT SECONDS [MICROSECONDS]\n"),
           2;
  program.pages = strtoul(argv[1], NULL, 10) << 8 | 1;
  program.a_second = program.pages * strtoul(argv[2], NULL, 10) / 100;
  program.seconds = strtoul(argv[3], NULL, 10);
  program.least_ns = argc > 4 ? strtol(argv[4], NULL, 10) * 1000 : 0;
  program.memory = map(program.pages * PAGE);
  program.copy = map((program.a_second + 1) * PAGE);
  program.main = pthread_self();
  signal(SIGUSR1, on_stop);
  pthread_t other;
  if (pthread_create(&other, NULL, stop_it, NULL))
    return 1;
  for (size_t tick = 0, n = 0;; tick++) {
    struct timespec moment = {0, MILLISECOND};
    for (; n < (tick + 1) * program.a_second / TICKS; n++)
      page_of(n)[0]++;
    nanosleep(&moment, NULL);
  }
}
