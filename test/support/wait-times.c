// A wait with a time limit lasts as long as it was asked to, however often the
// program is stopped meanwhile: neither does it begin anew, nor end early. Nor
// late by the time of the stops, where those are long: all of much memory is
// copied in each. A busy machine may be late by itself: there are some tries.
// RUN: %behaviour -I%S/Inputs %s -o %t && %hwckpt run -- %t 2>%t.err || (cat %t.err; exit 1)
// RUN: for try in 1 2 3 4 5; do env HWCKPT_OPTIONS=track=full:method=stop:level=-5 %hwckpt run -- %t long 2>%t.err && break; cat %t.err; test $try != 5; done
#include "blocked.h"
#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>

#define WAIT 0.8 /* seconds */
#define MILLISECONDS 800
#define NANOSECONDS 800000000
static const struct timespec span = {.tv_nsec = NANOSECONDS};
static int ends[2], epoll, semaphores;

static struct timespec until(int clock) {
  struct timespec end;
  clock_gettime(clock, &end);
  end.tv_nsec += NANOSECONDS;
  if (end.tv_nsec >= 1000000000) {
    end.tv_nsec -= 1000000000;
    end.tv_sec++;
  }
  return end;
}

static long call_usleep(void) { return or_errno(usleep(NANOSECONDS / 1000)); }
static long call_nanosleep(void) {
  struct timespec left;
  return or_errno(nanosleep(&span, &left));
}
static long call_raw_nanosleep(void) {
  struct timespec both = span;
  return or_errno(syscall(SYS_nanosleep, &both, &both));
}
static long call_clock_nanosleep(void) {
  return -clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}
static long call_until(void) {
  struct timespec end = until(CLOCK_MONOTONIC);
  return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}
static long call_poll(void) {
  struct pollfd look = {.fd = ends[0], .events = POLLIN};
  return or_errno(poll(&look, 1, MILLISECONDS));
}
static long call_ppoll(void) {
  struct pollfd look = {.fd = ends[0], .events = POLLIN};
  return or_errno(ppoll(&look, 1, &span, NULL));
}
static long call_select(void) {
  struct timeval time = {.tv_usec = NANOSECONDS / 1000};
  return or_errno(select(0, NULL, NULL, NULL, &time));
}
static long call_pselect(void) {
  return or_errno(pselect(0, NULL, NULL, NULL, &span, NULL));
}
static long call_epoll_wait(void) {
  struct epoll_event event;
  return or_errno(epoll_wait(epoll, &event, 1, MILLISECONDS));
}
static long call_epoll_pwait2(void) {
  struct epoll_event event;
  return or_errno(
      syscall(SYS_epoll_pwait2, epoll, &event, 1, &span, NULL, 8ul));
}
static long call_sigtimedwait(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return or_errno(sigtimedwait(&set, NULL, &span));
}
static long call_condition(void) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
  struct timespec end = until(CLOCK_REALTIME);
  pthread_mutex_lock(&mutex);
  return -pthread_cond_timedwait(&cond, &mutex, &end);
}
static long call_semaphore(void) {
  static sem_t semaphore;
  struct timespec end = until(CLOCK_REALTIME);
  sem_init(&semaphore, 0, 0);
  return or_errno(sem_timedwait(&semaphore, &end));
}
static long call_futex(void) {
  static int word;
  return or_errno(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &span, NULL, 0));
}
static long call_semtimedop(void) {
  struct sembuf take = {.sem_op = -1};
  return or_errno(semtimedop(semaphores, &take, 1, &span));
}

static struct wait {
  const char *name;
  long (*call)(void);
  long wanted;
  pthread_t thread;
  double took;
  _Atomic int ended;
} waits[] = {
    {"usleep", call_usleep, 0},
    {"nanosleep", call_nanosleep, 0},
    {"raw nanosleep", call_raw_nanosleep, 0},
    {"clock_nanosleep", call_clock_nanosleep, 0},
    {"clock_nanosleep until", call_until, 0},
    {"poll", call_poll, 0},
    {"ppoll", call_ppoll, 0},
    {"select", call_select, 0},
    {"pselect", call_pselect, 0},
    {"epoll_wait", call_epoll_wait, 0},
    {"epoll_pwait2", call_epoll_pwait2, 0},
    {"sigtimedwait", call_sigtimedwait, -EAGAIN},
    {"condition", call_condition, -ETIMEDOUT},
    {"semaphore", call_semaphore, -ETIMEDOUT},
    {"futex", call_futex, -ETIMEDOUT},
    {"semtimedop", call_semtimedop, -EAGAIN},
};
enum { COUNT = sizeof waits / sizeof waits[0] };

static void *work(void *argument) {
  struct wait *wait = argument;
  double begin = now();
  long result = wait->call();
  wait->took = now() - begin;
  if (result != wait->wanted)
    dprintf(2, "%s: %ld, not %ld\n", wait->name, result, wait->wanted);
  wait->ended = result == wait->wanted ? 1 : 2;
  return NULL;
}

static int all_ended(void) {
  int ended = 0;
  for (int i = 0; i < COUNT; i++)
    ended += waits[i].ended != 0;
  return ended == COUNT;
}

enum { MEMORY = 128 << 20 };
static void fill_memory(void) {
  static uint64_t noise = 1;
  uint64_t *volatile memory = malloc(MEMORY);
  CHECK(memory);
  for (size_t i = 0; i < MEMORY / sizeof *memory; i++)
    memory[i] = noise = noise * 6364136223846793005u + 1442695040888963407u;
}
/* Seconds that a checkpoint took from the program. */
static double stop(void) {
  struct hwckpt_statistics statistics;
  CHECK_EQUAL(hwckpt_checkpoint(), 0);
  CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
  return (double)statistics.pause_ns / 1e9;
}

int main(int argc, char **argv) {
  int is_long = argc > 1 && strcmp(argv[1], "long") == 0;
  if (is_long)
    fill_memory();
  CHECK(pipe(ends) == 0 && (epoll = epoll_create1(0)) >= 0);
  semaphores = semget(IPC_PRIVATE, 1, 0600);
  stop();
  double begin = now(), stopped = 0;
  for (int i = 0; i < COUNT; i++)
    pthread_create(&waits[i].thread, NULL, work, &waits[i]);
  unsigned stops = 0;
  while (!all_ended() && now() - begin < WAIT * 5) {
    stopped += stop();
    stops++;
  }
  semctl(semaphores, 0, IPC_RMID);
  CHECK(is_long ? stopped > WAIT / 4 : stops > 3);
  int failed = 0;
  for (int i = 0; i < COUNT; i++) {
    int right = waits[i].ended == 1 && waits[i].took >= WAIT &&
                (!is_long || waits[i].took < WAIT + stopped / 2);
    if (!right)
      dprintf(2, "%s: %s after %.3f s, %u stops of %.3f s\n", waits[i].name,
              waits[i].ended ? "ended" : "still waits", waits[i].took, stops,
              stopped);
    failed |= !right;
  }
  return failed;
}
