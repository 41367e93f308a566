// Many threads go back alone, again and again, by themselves and by failures,
// and end with and without a drop, while checkpoints are taken and the program
// is killed and restored: each has its own back, and nobody else's.
// RUN: %behaviour %s -o %t && rm -f %t.once.*
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt run --name many --every 50ms --rollback-on all -o rollback_scope=thread -- %t %t.once.1 %t.once.2
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt restore many
// RUN: %hwckpt restore many
#include "once.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define QUEUES 32
#define ITEMS 10 // of one thread
#define ENOUGH 40
#define LENGTH 600

static __thread long local[LENGTH];
static long regions[QUEUES][LENGTH];
static _Atomic long done[QUEUES];
static _Atomic bool stop;

static void fill(volatile long *numbers, long first) {
  for (long i = 0; i < LENGTH; i++)
    numbers[i] = first + i;
}

static void look(const volatile long *numbers, long first) {
  for (long i = 0; i < LENGTH; i++)
    CHECK_EQUAL(numbers[i], first + i);
}

static void fail(long item) {
  if (item % 3 == 0)
    *(volatile int *)8 = 1;
  if (item % 3 == 1)
    abort();
  hwckpt_thread_load();
}

// Names of sets are beginnings of others.
static void try_item(long queue, long item) {
  volatile long on_stack[LENGTH], *all[] = {on_stack, local, regions[queue]};
  long first = queue * 1000000 + item;
  char set[32];
  snprintf(set, sizeof set, "set%ld", queue);
  CHECK_EQUAL(hwckpt_region(set, "r", regions[queue], LENGTH, HWCKPT_INT64), 0);
  for (unsigned i = 0; i < 3; i++)
    fill(all[i], first * (i + 1));
  int n = hwckpt_thread_save(set);
  CHECK(n >= 0);
  for (unsigned i = 0; i < 3; i++)
    look(all[i], first * (i + 1));
  void *memory = malloc(100 + (size_t)item % 5000);
  CHECK(memory);
  free(memory);
  if (n < 2) {
    for (unsigned i = 0; i < 3; i++)
      fill(all[i], -1);
    fail(item);
  }
  CHECK_EQUAL(hwckpt_region(set, "r", 0, 0, HWCKPT_INT64), 0);
}

static void *work(void *argument) {
  long queue = (long)argument;
  for (int i = 0; i < ITEMS; i++) {
    try_item(queue, done[queue]);
    done[queue]++;
  }
  if (queue % 3)
    hwckpt_thread_drop();
  return argument;
}

static void *feed(void *argument) {
  pthread_t worker;
  while (!stop) {
    CHECK_EQUAL(pthread_create(&worker, 0, work, argument), 0);
    CHECK_EQUAL(pthread_join(worker, 0), 0);
  }
  return argument;
}

static void wait_for_items(void) {
  double begin = now();
  for (int i = 0; i < QUEUES; i++)
    for (long wanted = done[i] + ENOUGH; done[i] < wanted; sched_yield())
      CHECK(now() - begin < 60);
}

int main(int argc, char **argv) {
  CHECK_EQUAL(argc, 3);
  pthread_t queues[QUEUES];
  for (long i = 0; i < QUEUES; i++)
    CHECK_EQUAL(pthread_create(&queues[i], 0, feed, (void *)i), 0);
  for (int i = 1; i <= 2; i++) {
    wait_for_items();
    CHECK(__builtin_ckpt_save() >= 0);
    die_once(argv[i]);
  }
  wait_for_items();
  stop = true;
  for (int i = 0; i < QUEUES; i++)
    CHECK_EQUAL(pthread_join(queues[i], 0), 0);
  return 0;
}
