// A thread goes back alone: its stack, also of functions that have returned,
// its registers, signal mask, thread-local variables and regions are as they
// were, while other threads run on and keep what they did. So at a failure,
// with rollback_scope=thread; what fails again and again dies, what has not
// saved itself too.
// RUN: %behaviour %s -o %t && %t alone
// RUN: HWCKPT_OPTIONS=rollback_on=all:rollback_scope=thread:rollback_retries=100:verbosity=1 %t queue 2>%t.said
// RUN: grep -q 'SIGSEGV at 0x.*: thread [0-9]* goes back alone, 1 of 100' %t.said
// RUN: ulimit -c 0; export HWCKPT_OPTIONS=rollback_on=all:rollback_scope=thread
// RUN: (%t again 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 139) && grep -q 'HWCKPT-E290: .*: its thread went back 3 times' %t.said
// RUN: (%t dropped 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 139) && not grep alone %t.said
// RUN: (HWCKPT_OPTIONS=$HWCKPT_OPTIONS:rollback_retries=1:verbosity=1 %t after 2>&1 | cat >%t.said; test ${PIPESTATUS[0]} = 139)
// RUN: grep -o 'goes back alone, 1 of 1\|its thread went back 1\|after 1 rollbacks' %t.said | tr '\n' ';' | grep -x 'goes back alone, 1 of 1;its thread went back 1;goes back alone, 1 of 1;its thread went back 1;after 1 rollbacks;'
// RUN: %t whole
// RUN: HWCKPT_OPTIONS=rollback_on=segv %t program
// RUN: %behaviour -static %s -o %t.static && %t.static alone
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

static __thread long local_count = 5;
static __thread char local_text[100];
static long region[1000], outside;
static volatile int zero;

// Saves in a function that has returned when the thread goes back.
__attribute__((noinline)) static int save_deeper(const char *set, int depth) {
  volatile char room[300];
  memset((char *)room, depth, sizeof room);
  int n = depth ? save_deeper(set, depth - 1) : hwckpt_thread_save(set);
  for (size_t i = 0; i < sizeof room; i++)
    CHECK_EQUAL(room[i], depth);
  return n;
}

__attribute__((noinline)) static void use_stack(int depth) {
  volatile char room[2000];
  memset((char *)room, 0x55, sizeof room);
  if (depth)
    use_stack(depth - 1);
  else
    CHECK_EQUAL(hwckpt_thread_load(), 1); // never
  CHECK(room[7] == 0x55);
}

static void *alone(void *argument) {
  volatile long on_stack[200];
  sigset_t mask, now;
  long tries = 0; // may be in a register
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  CHECK_EQUAL(hwckpt_thread_load(), -ENOENT);
  CHECK_EQUAL(hwckpt_thread_save("no such set"), -ENOENT);
  CHECK_EQUAL(hwckpt_region("own", "region", region, 1000, HWCKPT_INT64), 0);
  for (long i = 0; i < 200; i++)
    on_stack[i] = i;
  for (long i = 0; i < 1000; i++)
    region[i] = i;
  strcpy(local_text, "before");
  pthread_sigmask(SIG_SETMASK, &mask, 0);
  int n = save_deeper("own", 5);
  CHECK(n >= 0 && n <= 4);
  CHECK_EQUAL(outside, n); // not put back
  CHECK_EQUAL(tries, 0);
  CHECK_EQUAL(local_count, 5);
  CHECK(!strcmp(local_text, "before"));
  for (long i = 0; i < 200; i++)
    CHECK_EQUAL(on_stack[i], i);
  for (long i = 0; i < 1000; i++)
    CHECK_EQUAL(region[i], i);
  pthread_sigmask(SIG_SETMASK, 0, &now);
  CHECK(sigismember(&now, SIGUSR2) && !sigismember(&now, SIGUSR1));
  if (n < 4) {
    outside++;
    tries++;
    local_count = 7;
    strcpy(local_text, "after");
    memset((void *)on_stack, 1, sizeof on_stack);
    memset(region, 1, sizeof region);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &mask, 0);
    use_stack(n * 10);
  }
  hwckpt_thread_drop();
  CHECK_EQUAL(hwckpt_thread_load(), -ENOENT);
  outside = 0;
  return argument;
}

#define WORKERS 4
#define ITEMS 400
static _Atomic int next_item;
static _Atomic long results[ITEMS], attempts;
static _Atomic int stop;
static _Atomic long turns;

// Every seventh item fails at first, in one of several ways.
static long compute(int item, int n) {
  long sum = 0;
  for (int i = 0; i <= item; i++)
    sum += i;
  atomic_fetch_add(&attempts, 1);
  if (item % 7 || n > item % 2)
    return sum;
  if (item % 3 == 0)
    *(volatile int *)(uintptr_t)(16 + zero) = 1;
  if (item % 3 == 1)
    __asm__ volatile("mov $0x1000, %%rsp\n ud2" ::: "memory");
  hwckpt_check(n < 0);
  return -1;
}

static void *work(void *argument) {
  for (int item; (item = atomic_fetch_add(&next_item, 1)) < ITEMS;) {
    int n = hwckpt_thread_save(0);
    CHECK(n >= 0);
    atomic_store(&results[item], compute(item, n));
  }
  hwckpt_thread_drop();
  return argument;
}

// Nobody disturbs this one: what it counts only grows, and it never saves.
static void *run_on(void *argument) {
  for (long own = 0; !stop; own++) {
    CHECK_EQUAL(turns, own);
    turns = own + 1;
  }
  return argument;
}

static void queue(void) {
  pthread_t threads[WORKERS], other;
  struct hwckpt_statistics statistics;
  long expected = 0;
  CHECK_EQUAL(pthread_create(&other, 0, run_on, 0), 0);
  // Gives threads their alternate stacks: a wrong stack pointer is a failure.
  for (int i = 0; i < WORKERS; i++)
    CHECK_EQUAL(pthread_create(&threads[i], 0, work, 0), 0);
  for (int i = 0; i < WORKERS; i++)
    CHECK_EQUAL(pthread_join(threads[i], 0), 0);
  stop = 1;
  CHECK_EQUAL(pthread_join(other, 0), 0);
  for (int item = 0; item < ITEMS; item++) {
    CHECK_EQUAL(results[item], (long)item * (item + 1) / 2);
    expected += item % 7 ? 0 : 1 + item % 2;
  }
  CHECK_EQUAL(attempts, ITEMS + expected);
  CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
  CHECK_EQUAL(statistics.thread_rollbacks, expected);
  CHECK_EQUAL(statistics.rollbacks, 0);
}

static void *run(void *(*function)(void *)) {
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, 0, function, 0), 0);
  CHECK_EQUAL(pthread_join(thread, 0), 0);
  return function(0); // the main thread too
}

// The program is rolled back to a checkpoint with a thread's save in it.
static void whole(void) {
  volatile int here = 1;
  int n = hwckpt_thread_save(0);
  CHECK_EQUAL(here, 1);
  if (n == 1)
    return;
  CHECK_EQUAL(n, 0);
  here = 2;
  n = __builtin_ckpt_save();
  CHECK_EQUAL(here, 2);
  CHECK(n == 0 || n == 1);
  here = 3;
  if (n == 0) {
    hwckpt_thread_drop();
    roll_back();
  }
  hwckpt_thread_load();
  CHECK(0);
}

// Without rollback_scope=thread a failure is the program's, also of a thread
// that has saved itself.
static void program(void) {
  struct hwckpt_statistics statistics;
  int n = __builtin_ckpt_save();
  CHECK(n == 0 || n == 1);
  if (n == 0) {
    CHECK_EQUAL(hwckpt_thread_save(0), 0);
    *(volatile int *)(uintptr_t)(16 + zero) = 1;
  }
  CHECK_EQUAL(hwckpt_statistics(&statistics, sizeof statistics), 0);
  CHECK_EQUAL(statistics.thread_rollbacks, 0);
  CHECK_EQUAL(statistics.rollbacks, 1);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  if (!strcmp(argv[1], "alone"))
    run(alone);
  else if (!strcmp(argv[1], "queue"))
    queue();
  else if (!strcmp(argv[1], "whole"))
    whole();
  else if (!strcmp(argv[1], "program"))
    program();
  else {
    // With a checkpoint the program goes back when the thread did in vain.
    if (!strcmp(argv[1], "after"))
      CHECK(__builtin_ckpt_save() >= 0);
    CHECK(hwckpt_thread_save(0) >= 0);
    if (!strcmp(argv[1], "dropped"))
      hwckpt_thread_drop();
    *(volatile int *)(uintptr_t)(16 + zero) = 1;
  }
  return 0;
}
