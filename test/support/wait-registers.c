// A wait with a time leaves its registers as they were, whatever stops find it,
// as code that makes system calls itself expects; the next one with the same
// registers lasts as long. So do those that a restore finds.
// RUN: %behaviour %s -o %t && rm -rf %t.cache && export HWCKPT_CACHE=%t.cache
// RUN: %t stopped
// RUN: %restored -- %t restored
#include "behaviour.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>

enum { ROUNDS = 4, SPAN = 250 /* ms */ };
static const struct timespec span = {.tv_nsec = SPAN * 1000000};
static int word;

struct registers {
  long a, b, c, d;
};

// The number is in the code: a stop that comes as the call begins finds it
// there.
#define CALL(number)                                                           \
  static long call_##number(struct registers *is) {                            \
    register long d __asm__("r10") = is->d;                                    \
    long result;                                                               \
    __asm__ volatile("movl %[call], %%eax\n\tsyscall"                          \
                     : "=&a"(result), "+D"(is->a), "+S"(is->b), "+d"(is->c),   \
                       "+r"(d)                                                 \
                     : [call] "i"(SYS_##number)                                \
                     : "rcx", "r11", "memory");                                \
    is->d = d;                                                                 \
    return result;                                                             \
  }
CALL(nanosleep)
CALL(clock_nanosleep)
CALL(poll)
CALL(futex)

static struct wait {
  const char *name;
  long (*call)(struct registers *is);
  struct registers with;
  long result;
  pthread_t thread;
} waits[] = {
    {"nanosleep", call_nanosleep, {(long)&span, 0, 3, 4}, 0, 0},
    {"clock_nanosleep",
     call_clock_nanosleep,
     {CLOCK_MONOTONIC, 0, (long)&span, 0},
     0,
     0},
    {"poll", call_poll, {0, 0, SPAN, 4}, 0, 0},
    {"futex",
     call_futex,
     {(long)&word, FUTEX_WAIT, 0, (long)&span},
     -ETIMEDOUT,
     0},
};
enum { COUNT = sizeof waits / sizeof waits[0] };
static _Atomic int ended, begun;

static void *work(void *argument) {
  const struct wait *wait = argument;
  begun++;
  for (int i = 0; i < ROUNDS; i++) {
    struct registers is = wait->with;
    double begin = now();
    long result = wait->call(&is);
    double took = now() - begin;
    if (result != wait->result || memcmp(&is, &wait->with, sizeof is) ||
        took < SPAN * 1e-3) {
      dprintf(2, "%s: %ld, %lx %lx %lx %lx, %.3f s\n", wait->name, result, is.a,
              is.b, is.c, is.d, took);
      _exit(1);
    }
  }
  ended++;
  return NULL;
}

int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 2);
  for (int i = 0; i < COUNT; i++)
    CHECK_EQUAL(pthread_create(&waits[i].thread, NULL, work, &waits[i]), 0);
  while (begun < COUNT)
    sched_yield();
  usleep(SPAN * 500);
  if (!strcmp(argv[1], "restored"))
    die_and_come_back();
  else
    while (ended < COUNT)
      CHECK_EQUAL(__builtin_ckpt_save(), 0);
  for (int i = 0; i < COUNT; i++)
    CHECK_EQUAL(pthread_join(waits[i].thread, NULL), 0);
  return 0;
}
