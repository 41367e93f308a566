// hwckpt.h: critical sections, callbacks, the generation's number and waiting
// for it; each before and after a restore and a rollback. Without the runtime
// it links, in C and C++, and calls fail.
// RUN: %behaviour %s -o %t && rm -f %t.once && ulimit -c 0
// RUN: %t sections
// RUN: %t callbacks 2>%t.said && FileCheck %s <%t.said
// CHECK: HWCKPT-E270: {{.*}}: second: it returned 7
// CHECK: HWCKPT-E271: {{.*}}: first: it has not returned after 100 ms
// RUN: %t roll %t.once
// RUN: %restored -- %t restored
// RUN: %clang -O0 -Wall -Werror -I%inc -DWITHOUT %s -o %t.without && %t.without
// RUN: %clang -x c++ -Wall -Werror -I%inc -DWITHOUT %s -o %t.without -lstdc++ && %t.without
#ifdef WITHOUT
#include <hwckpt.h>
int main(void) {
  struct hwckpt_statistics is;
  int x;
  hwckpt_thread_drop();
  return hwckpt_disable() != -38 || hwckpt_enable() != -38 ||
         hwckpt_wait(1, 0) != -38 || hwckpt_generation() != 0 ||
         hwckpt_callback("a", 0, 0) != -38 || hwckpt_save() != -38 ||
         hwckpt_callback_ordered("a", 0, 0, 1) != -38 || hwckpt_load() != -38 ||
         hwckpt_request() != -38 || hwckpt_callback_deadline(1) != -38 ||
         hwckpt_watch(0, 1) != -38 || hwckpt_unwatch(0, 1) != -38 ||
         hwckpt_exclude(&x, 1) != -38 || hwckpt_include(&x, 1) != -38 ||
         hwckpt_region("a", "b", &x, 1, HWCKPT_INT32) != -38 ||
         hwckpt_region_save("a") != -38 || hwckpt_region_load("a") != -38 ||
         hwckpt_region_enter("a") != -38 || hwckpt_thread_save(0) != -38 ||
         hwckpt_thread_load() != -38 ||
         hwckpt_statistics(&is, sizeof is) != -38 ||
         __builtin_ckpt_watch(0, 1) != -38;
}
#else
#include "behaviour.h"
#include <hwckpt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/time.h>

#define LONG 60000 // ms; no working runtime needs it

static _Atomic int saved = -1, hangs, refuses;
static char calls[256]; // a letter for the callback, a digit for the moment

static void *saver(void *unused) {
  saved = hwckpt_save();
  return unused;
}

static void *enabler(void *unused) {
  CHECK_EQUAL(hwckpt_enable(), -EPERM);
  return unused;
}

static void sections(void) {
  pthread_t thread;
  unsigned long long before = hwckpt_generation();
  CHECK_EQUAL(before, 0);
  CHECK_EQUAL(hwckpt_enable(), -EPERM);
  CHECK_EQUAL(hwckpt_disable(), 0);
  CHECK_EQUAL(hwckpt_disable(), 0);
  CHECK_EQUAL(hwckpt_save(), -EDEADLK);
  CHECK_EQUAL(hwckpt_request(), 0);
  CHECK_EQUAL(hwckpt_wait(before + 1, 200), -ETIMEDOUT);
  CHECK_EQUAL(pthread_create(&thread, 0, enabler, 0), 0);
  pthread_join(thread, 0);
  CHECK_EQUAL(hwckpt_enable(), 0);
  CHECK_EQUAL(hwckpt_wait(before + 1, 200), -ETIMEDOUT);
  CHECK_EQUAL(hwckpt_enable(), 0);
  CHECK_EQUAL(hwckpt_wait(before + 1, LONG), 0);
  CHECK(hwckpt_generation() > before);
  // Somebody else's save waits for the end, too.
  before = hwckpt_generation();
  CHECK_EQUAL(hwckpt_disable(), 0);
  CHECK_EQUAL(pthread_create(&thread, 0, saver, 0), 0);
  CHECK_EQUAL(hwckpt_wait(before + 1, 200), -ETIMEDOUT);
  CHECK_EQUAL(saved, -1);
  CHECK_EQUAL(hwckpt_enable(), 0);
  pthread_join(thread, 0);
  CHECK_EQUAL(saved, 0);
  CHECK_EQUAL(hwckpt_wait(hwckpt_generation(), 0), 0);
}

// One or another is always open, each for a moment.
static _Atomic int overlap_ends;
static void *overlaps(void *unused) {
  while (!overlap_ends) {
    CHECK_EQUAL(hwckpt_disable(), 0);
    usleep(300);
    CHECK_EQUAL(hwckpt_enable(), 0);
  }
  return unused;
}

static void overlapping(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_create(&threads[i], 0, overlaps, 0), 0);
  for (int i = 0; i < 5; i++)
    CHECK_EQUAL(hwckpt_save(), 0);
  overlap_ends = 1;
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_join(threads[i], 0), 0);
}

// They are async-signal-safe: a handler's lie between any two steps of others.
static _Atomic int handled;
static void on_alarm(int number) {
  (void)number;
  CHECK_EQUAL(hwckpt_disable(), 0);
  CHECK_EQUAL(hwckpt_enable(), 0);
  handled++;
}

static void in_handlers(void) {
  struct itimerval often = {{0, 20}, {0, 20}}, never = {{0, 0}, {0, 0}};
  signal(SIGALRM, on_alarm);
  CHECK_EQUAL(setitimer(ITIMER_REAL, &often, 0), 0);
  for (double begin = now(); now() - begin < 1;) {
    CHECK_EQUAL(hwckpt_disable(), 0);
    CHECK_EQUAL(hwckpt_enable(), 0);
  }
  CHECK_EQUAL(setitimer(ITIMER_REAL, &never, 0), 0);
  CHECK(handled > 100);
  unsigned long long before = hwckpt_generation();
  CHECK_EQUAL(hwckpt_request(), 0);
  CHECK_EQUAL(hwckpt_wait(before + 1, LONG), 0);
}

static int called(enum hwckpt_moment moment, void *argument) {
  size_t length = strlen(calls);
  char *memory = malloc(100); // as any function of the program may
  CHECK(memory && length < sizeof calls - 2);
  free(memory);
  while (*(char *)argument == 'a' && moment == HWCKPT_BEFORE && hangs)
    usleep(1000);
  calls[length] = *(char *)argument;
  calls[length + 1] = (char)('0' + moment);
  if (*(char *)argument == 'a' && moment == HWCKPT_BEFORE)
    CHECK_EQUAL(hwckpt_checkpoint(), -EDEADLK);
  return *(char *)argument == 'b' && moment == HWCKPT_BEFORE && refuses ? 7 : 0;
}

// Each byte is read once: strcmp() may read one again where it has differed.
static bool are_called(const char *wanted) {
  char seen[sizeof calls];
  for (size_t i = 0; i < sizeof calls; i++)
    seen[i] = *(volatile char *)&calls[i];
  return strcmp(seen, wanted) == 0;
}

static void expect(const char *wanted) {
  double begin = now();
  while (!are_called(wanted))
    if (now() - begin > 60)
      CHECK_EQUAL(dprintf(2, "calls: %s, not %s\n", calls, wanted), 0);
  memset(calls, 0, sizeof calls);
}

static void register_both(void) {
  CHECK_EQUAL(hwckpt_callback("first", called, "a"), 0);
  CHECK_EQUAL(hwckpt_callback("second", called, "b"), 0);
}

static void callbacks(void) {
  CHECK_EQUAL(hwckpt_callback("", called, "a"), -EINVAL);
  CHECK_EQUAL(hwckpt_callback("none", 0, 0), -ENOENT);
  CHECK_EQUAL(hwckpt_callback_deadline(0), -EINVAL);
  register_both();
  CHECK_EQUAL(hwckpt_save(), 0);
  expect("a0b0b1a1");
  refuses = 1;
  CHECK_EQUAL(hwckpt_save(), -ECANCELED);
  expect("a0b0a1");
  refuses = 0;
  CHECK_EQUAL(hwckpt_callback_deadline(100), 0);
  hangs = 1;
  CHECK_EQUAL(hwckpt_save(), -ETIMEDOUT);
  CHECK_EQUAL(hwckpt_save(), -ETIMEDOUT); // nor is a later one
  hangs = 0;
  expect("a0b0b1a1");
  CHECK_EQUAL(hwckpt_callback_deadline(LONG), 0);
  CHECK_EQUAL(hwckpt_callback("first", 0, 0), 0);
  CHECK_EQUAL(hwckpt_save(), 0);
  expect("b0b1");
  // By order, and those of one order as they were registered, whatever place
  // is free; the same name again keeps its place, with another order not.
  CHECK_EQUAL(hwckpt_callback_ordered("late", called, "z", 7), 0);
  CHECK_EQUAL(hwckpt_callback("third", called, "c"), 0);
  CHECK_EQUAL(hwckpt_callback_ordered("early", called, "e", -1), 0);
  CHECK_EQUAL(hwckpt_callback("second", called, "B"), 0);
  CHECK_EQUAL(hwckpt_save(), 0);
  expect("e0B0c0z0z1c1B1e1");
  CHECK_EQUAL(hwckpt_callback_ordered("late", called, "z", -2), 0);
  CHECK_EQUAL(hwckpt_callback("early", 0, 0), 0);
  CHECK_EQUAL(hwckpt_save(), 0);
  expect("z0B0c0c1B1z1");
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  if (!strcmp(argv[1], "sections")) {
    sections();
    overlapping();
    in_handlers();
  } else if (!strcmp(argv[1], "callbacks")) {
    callbacks();
  } else {
    register_both();
    int times = hwckpt_save();
    CHECK(times >= 0);
    if (times == 0) {
      expect("a0b0b1a1");
      CHECK_EQUAL(hwckpt_disable(), 0); // ends with the rollback
      if (argc == 3 && first_time(argv[2]))
        roll_back();
      die();
    }
    expect(argc == 3 ? "a0b0b3a3" : "a0b0b2a2");
    CHECK_EQUAL(hwckpt_enable(), -EPERM);
    CHECK_EQUAL(hwckpt_generation(), 1);
    CHECK_EQUAL(hwckpt_save(), 0);
    expect("a0b0b1a1");
    CHECK_EQUAL(hwckpt_generation(), 2);
  }
  return 0;
}
#endif
