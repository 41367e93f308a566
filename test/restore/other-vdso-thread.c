// A thread that was stopped inside a function of the vdso cannot go on in that
// of another kernel, and is refused; under its own it goes on. Of ten
// generations of a thread that does nothing else at least one has it there.
//
// RUN: %behaviour %s -o %t && %hwckpt run %t; test $? = 137
// RUN: rm -f %t.refused && app=$(basename $HWCKPT_CACHE/*/) && \
// RUN: for n in 1 2 3 4 5 6 7 8 9 10; do \
// RUN:   HWCKPT_OTHER_KERNEL=1 %hwckpt restore $app/$n 2>%t.error || \
// RUN:     { grep 'HWCKPT-E328.*: thread ' %t.error >>%t.refused && break; }; done; \
// RUN: test -s %t.refused
// RUN: %hwckpt restore
#include "behaviour.h"

#include <pthread.h>
#include <stdatomic.h>

#define GENERATIONS 10

static _Atomic unsigned calls;

[[hwckpt::nopoll]] static void *ask_for_time(void *unused) {
  struct timespec now;
  (void)unused;
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    calls++;
  }
  return NULL;
}

int main(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, ask_for_time, NULL) == 0);
  for (int i = 0; i < GENERATIONS; i++) {
    int restored = __builtin_ckpt_save();
    CHECK(restored >= 0);
    if (restored) {
      unsigned before = calls;
      while (calls == before) /* it goes on */
        usleep(1000);
      return 0;
    }
  }
  kill(getpid(), SIGKILL);
  return 1;
}
