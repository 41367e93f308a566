/* behaviour.h - for the tests of the runtime: programs that look at themselves
 * before and after a checkpoint. Exit status 0 passes, 77 is not supported
 * here, all else fails. */
#ifndef BEHAVIOUR_H
#define BEHAVIOUR_H

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <hwckptintrin.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                       \
  do {                                                                         \
    errno = 0;                                                                 \
    if (!(condition)) {                                                        \
      dprintf(2, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__,         \
              #condition, errno);                                              \
      _exit(1);                                                                \
    }                                                                          \
  } while (0)

#define CHECK_EQUAL(got, wanted)                                               \
  do {                                                                         \
    errno = 0;                                                                 \
    long long got_ = (long long)(got), wanted_ = (long long)(wanted);          \
    if (got_ != wanted_) {                                                     \
      dprintf(2, "%s:%d: %s is %lld, not %lld (errno %d)\n", __FILE__,         \
              __LINE__, #got, got_, wanted_, errno);                           \
      _exit(1);                                                                \
    }                                                                          \
  } while (0)

#define SKIP(reason)                                                           \
  do {                                                                         \
    dprintf(1, "SKIP: %s\n", reason);                                          \
    _exit(77);                                                                 \
  } while (0)

static inline _Noreturn void die(void) {
  for (;;)
    kill(getpid(), SIGKILL);
}

/* Whether the test gets here for the first time, memory and files rolled back
 * or not: a file that was not there remembers it, made in a way that the
 * runtime does not see. */
static inline int first_time(const char *file) {
  long fd;
  register long mode __asm__("r10") = 0600;
  __asm__ volatile("syscall"
                   : "=a"(fd)
                   : "a"(SYS_openat), "D"(AT_FDCWD), "S"(file),
                     "d"(O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC), "r"(mode)
                   : "rcx", "r11", "memory");
  return fd >= 0 && close((int)fd) == 0;
}

/* Takes a checkpoint; true in the program that comes back from it. */
static inline int came_back(void) {
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  return times > 0;
}

/* Takes a checkpoint and is killed; returns in the restored program. */
static inline void die_and_come_back(void) {
  if (!came_back())
    die();
}

/* Rolls back; never returns. Messages are for who reads why it did. */
static inline _Noreturn void roll_back(void) {
  CHECK_EQUAL(__builtin_ckpt_load(), 0);
  _exit(1);
}

/* Takes a signal that is blocked and pending. */
static inline siginfo_t take_signal(int number) {
  sigset_t one;
  siginfo_t info;
  const struct timespec none = {0, 0};
  sigemptyset(&one);
  sigaddset(&one, number);
  CHECK_EQUAL(sigtimedwait(&one, &info, &none), number);
  return info;
}

/* Generations in the cache that the test runs with (docs/format.md). */
static inline unsigned generations(void) {
  char pattern[4096];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/*/g*.ckpt", getenv("HWCKPT_CACHE"));
  int result = glob(pattern, GLOB_NOSORT, NULL, &found);
  unsigned count = result ? 0 : (unsigned)found.gl_pathc;
  if (!result)
    globfree(&found);
  return count;
}

static inline double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

/* Runs until so many more generations are committed. Two: one is begun after
 * the call. Ends the program after a time that no working runtime needs. */
static inline void wait_for_generations(unsigned more) {
  unsigned wanted = generations() + more;
  double begin = now();
  while (generations() < wanted) {
    CHECK(now() - begin < 20);
    sched_yield();
  }
}

#endif
