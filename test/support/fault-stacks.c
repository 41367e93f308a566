// With rollback_on each thread gets a stack of its own for failures in the stop
// of a checkpoint, one born later in that of the next, and keeps it; what it
// has itself it keeps. 256 threads have one.
// RUN: %behaviour %s -o %t && HWCKPT_OPTIONS=rollback_on=segv %t
#include "behaviour.h"
#include <pthread.h>
#include <stdint.h>

#define THREADS 260
static char own[65536];
static stack_t stacks[THREADS];
static _Atomic int ready, rounds, noted;

static void note(int i) {
  CHECK_EQUAL(sigaltstack(0, &stacks[i]), 0);
  noted++;
}

static void *thread(void *number) {
  int i = (int)(intptr_t)number, round = rounds;
  stack_t mine = {.ss_sp = own, .ss_size = sizeof own};
  if (i == 1)
    CHECK_EQUAL(sigaltstack(&mine, 0), 0);
  for (ready++; round < 2; note(i))
    for (round++; rounds < round;)
      usleep(1000);
  return number;
}

// Those of ours, which are each somebody's alone.
static int expect_apart(int count) {
  int given = 0;
  for (int i = 0; i < count; i++) {
    given += stacks[i].ss_size != 0;
    CHECK(!stacks[i].ss_size || stacks[i].ss_size == 65536);
    for (int k = 0; k < i && stacks[i].ss_size; k++)
      CHECK(stacks[i].ss_sp != stacks[k].ss_sp);
  }
  return given;
}

// A checkpoint, and what each of so many threads then has; those from that one
// on are born for it.
static void look(int from, int count, pthread_t *threads) {
  for (int i = from; i < count; i++)
    CHECK_EQUAL(pthread_create(&threads[i], 0, thread, (void *)(intptr_t)i), 0);
  while (ready < count - 1)
    usleep(1000);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  noted = 0;
  rounds++;
  note(0);
  while (noted < count)
    usleep(1000);
}

int main(void) {
  static pthread_t threads[THREADS];
  void *before[3];
  look(1, 3, threads);
  CHECK_EQUAL(expect_apart(3), 3);
  for (int i = 0; i < 3; i++)
    before[i] = stacks[i].ss_sp;
  look(3, THREADS, threads);
  CHECK_EQUAL(expect_apart(THREADS), 256 + 1); // and one of its own
  CHECK(before[1] == own);
  for (int i = 0; i < 3; i++)
    CHECK(stacks[i].ss_sp == before[i]);
  for (int i = 1; i < THREADS; i++)
    CHECK_EQUAL(pthread_join(threads[i], 0), 0);
  return 0;
}
