// What a callback does that it should not do, or that none is thought to do:
// each has an outcome, and the program goes on, with checkpoints.
// RUN: %behaviour %s -o %t && rm -f %t.once && ulimit -c 0
// RUN: %t section 2>%t.said && FileCheck %s <%t.said
// CHECK: HWCKPT-E270: {{.*}}: x: it returned in a critical section
// CHECK-NOT: HWCKPT-E
// RUN: %t registers 2>%t.said && count 0 <%t.said
// RUN: %t forks 2>%t.said && count 0 <%t.said
// RUN: bash %S/../tools/Inputs/status 7 %t exits
// RUN: %t ends 2>%t.said && FileCheck %s --check-prefix=ENDS <%t.said
// ENDS: HWCKPT-E271: {{.*}}: x: it has not returned after 100 ms
// A rollback does not wait for the callback that asks for it.
// RUN: %t loads %t.once 2>%t.said && count 0 <%t.said
// RUN: rm -f %t.once && HWCKPT_OPTIONS=rollback_on=segv:verbosity=1 %t fails %t.once 2>%t.said && FileCheck %s --check-prefix=FAILS --implicit-check-not=HWCKPT-E <%t.said
// FAILS: SIGSEGV {{.*}}: rollback 1 of 3
#include "behaviour.h"
#include <hwckpt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

static const char *does, *once;
static _Atomic enum hwckpt_moment when;
static _Atomic int times[4]; // of each moment

static int second(enum hwckpt_moment moment, void *argument) {
  (void)moment;
  ++*(_Atomic int *)argument;
  return 0;
}

static _Atomic int told_second;

static int saves_in_child(void) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child)
    _exit(hwckpt_save() == -ENOSYS &&
                  hwckpt_callback("y", second, &told_second) == -ENOSYS
              ? 0
              : 1);
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  return status;
}

static int called(enum hwckpt_moment moment, void *unused) {
  (void)unused;
  times[moment]++;
  if (moment != when)
    return 0;
  if (!strcmp(does, "section")) {
    CHECK_EQUAL(hwckpt_disable(), 0);
  } else if (!strcmp(does, "registers")) {
    CHECK_EQUAL(hwckpt_callback("x", 0, 0), 0);
    CHECK_EQUAL(hwckpt_callback("x", 0, 0), -ENOENT);
    CHECK_EQUAL(hwckpt_callback("y", second, &told_second), 0);
  } else if (!strcmp(does, "forks")) {
    CHECK_EQUAL(saves_in_child(), 0);
  } else if (!strcmp(does, "exits")) {
    exit(7);
  } else if (!strcmp(does, "ends")) {
    pthread_exit(0);
  } else if (hwckpt_generation() && first_time(once)) {
    if (!strcmp(does, "loads"))
      roll_back();
    *(volatile int *)1 = 0;
  }
  return 0;
}

static void section(void) {
  CHECK_EQUAL(hwckpt_save(), -ECANCELED);
  CHECK_EQUAL(times[HWCKPT_RESUMED], 0);
  when = HWCKPT_RESUMED; // one that it leaves then is in nobody's way
  for (int i = 1; i <= 2; i++) {
    CHECK_EQUAL(hwckpt_save(), 0);
    for (double begin = now(); times[HWCKPT_RESUMED] < i;)
      CHECK(now() - begin < 60);
  }
}

// What is registered in a round is called in the next.
static void registers(void) {
  CHECK_EQUAL(hwckpt_save(), 0);
  CHECK_EQUAL(told_second, 0);
  CHECK_EQUAL(hwckpt_save(), 0);
  for (double begin = now(); told_second < 2;)
    CHECK(now() - begin < 60);
  CHECK_EQUAL(times[HWCKPT_BEFORE], 1);
  CHECK_EQUAL(times[HWCKPT_RESUMED], 0);
}

// Its thread is none any more that could return.
static void ends(void) {
  CHECK_EQUAL(hwckpt_callback_deadline(100), 0);
  CHECK_EQUAL(hwckpt_save(), -ETIMEDOUT);
  CHECK_EQUAL(hwckpt_save(), -ETIMEDOUT);
}

static void goes_back(void) {
  double begin = now();
  CHECK_EQUAL(hwckpt_callback_deadline(60000), 0);
  int came = hwckpt_save();
  CHECK(came >= 0);
  if (came == 0) {
    hwckpt_save(); // the callback rolls it back
    _exit(1);
  }
  CHECK(now() - begin < 30);
  CHECK_EQUAL(hwckpt_save(), 0);
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  does = argv[1];
  once = argc == 3 ? argv[2] : "";
  CHECK_EQUAL(hwckpt_callback("x", called, 0), 0);
  if (!strcmp(does, "section"))
    section();
  else if (!strcmp(does, "registers"))
    registers();
  else if (!strcmp(does, "ends"))
    ends();
  else if (argc == 3)
    goes_back();
  else
    CHECK_EQUAL(hwckpt_save(), 0);
  return 0;
}
