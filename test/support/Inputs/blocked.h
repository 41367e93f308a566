/* blocked.h - threads that each wait in a system call while the program is
 * stopped again and again. A row is a call with a name, the number of the
 * system call it ends in, and what ends it. */
#ifndef BLOCKED_H
#define BLOCKED_H

#include "behaviour.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

struct blocked {
  const char *name;
  long number;        /* SYS_... */
  long (*call)(void); /* its result, a negative errno where it failed */
  void (*wake)(pid_t tid);
  long wanted;
  pthread_t thread;
  _Atomic pid_t tid;
};

static inline long or_errno(long result) {
  return result < 0 ? -errno : result;
}

/* Whether a thread waits in that system call. */
static inline int waits_in(pid_t tid, long number) {
  char path[64], text[128] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
  FILE *file = fopen(path, "re");
  CHECK(file);
  int is = fgets(text, sizeof text, file) && strtol(text, NULL, 10) == number &&
           text[0] >= '0' && text[0] <= '9';
  fclose(file);
  return is;
}

static inline void wait_until_in(pid_t tid, long number, const char *name) {
  double begin = now();
  while (!waits_in(tid, number)) {
    if (now() - begin > 10) {
      dprintf(2, "%s: does not wait\n", name);
      _exit(1);
    }
    sched_yield();
  }
}

static inline void *blocked_main(void *argument) {
  struct blocked *row = argument;
  row->tid = gettid();
  long result = row->call();
  if (result != row->wanted) {
    dprintf(2, "%s: %ld, not %ld\n", row->name, result, row->wanted);
    _exit(1);
  }
  return NULL;
}

static inline void blocked_start(struct blocked *rows, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    CHECK_EQUAL(pthread_create(&rows[i].thread, NULL, blocked_main, &rows[i]),
                0);
  for (unsigned i = 0; i < count; i++)
    while (!rows[i].tid)
      sched_yield();
}

/* Stops the program when all wait, and when all wait again, and again. */
static inline void blocked_stop(struct blocked *rows, unsigned count) {
  for (int stop = 0; stop < 5; stop++) {
    for (unsigned i = 0; i < count; i++)
      wait_until_in(rows[i].tid, rows[i].number, rows[i].name);
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  }
  for (unsigned i = 0; i < count; i++)
    wait_until_in(rows[i].tid, rows[i].number, rows[i].name);
}

static inline void blocked_end(struct blocked *rows, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    rows[i].wake(rows[i].tid);
    pthread_join(rows[i].thread, NULL);
  }
}

#endif
