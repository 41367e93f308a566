// A restored program watches again, in all of its threads, those born later
// too; what a write was stands in the record.
// RUN: %clang -fhwckpt -std=gnu23 -O2 -pthread %s -o %t
// RUN: rm -rf %t.cache && mkdir %t.cache
// RUN: for registers in 1 0; do \
// RUN:   rm -rf %t.cache; \
// RUN:   (HWCKPT_CACHE=%t.cache %hwckpt run -o debug_registers=$registers -- %t || true) && \
// RUN:   HWCKPT_CACHE=%t.cache %hwckpt restore && \
// RUN:   HWCKPT_CACHE=%t.cache %hwckpt show | FileCheck %s || exit 1; \
// RUN: done
// CHECK: event watch
// CHECK: cause phase (4 bytes at 0x
#include "../Inputs/behaviour.h"

#include <pthread.h>
#include <stdatomic.h>

[[hwckpt::watch]] static int phase;
static atomic_int go, done;

// Until there are so many generations.
static void wait_for(unsigned count) {
  double begin = now();
  while (generations() < count)
    CHECK(now() - begin < 20);
  CHECK_EQUAL(generations(), count);
}

// Was there at the checkpoint.
static void *waits(void *unused) {
  while (!go)
    usleep(1000);
  phase = 2;
  wait_for(3);
  done = 1;
  return unused;
}

static void *born_later(void *unused) {
  phase = 3;
  return unused;
}

int main(void) {
  pthread_t threads[2];
  pthread_create(&threads[0], 0, waits, 0);
  phase = 1;
  wait_for(1);
  if (came_back() == 0)
    die();
  // Two generations so far.
  go = 1;
  while (!done)
    usleep(1000);
  pthread_join(threads[0], 0);
  pthread_create(&threads[1], 0, born_later, 0);
  pthread_join(threads[1], 0);
  wait_for(4);
  return phase != 3;
}
