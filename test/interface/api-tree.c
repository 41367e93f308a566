// Critical sections and callbacks in a program of several processes: a section
// of one is waited for while all go on, and no longer than is said; who refuses
// or does not return is named, all are told, and the program goes on; children
// are in the sections that they were born in, and call all of it themselves.
// RUN: %behaviour %s -o %t
// RUN: for mode in section child depends busy; do %hwckpt run --name $mode -- %t $mode || exit 1; done
// RUN: for mode in section busy refuses; do test $(id -u) != 0 || bash %S/../tools/Inputs/as-nobody %hwckpt run -- %t $mode || test $? = 77 || exit 1; done
// RUN: %hwckpt run --name late -o section_wait=300ms -- %t late 2>%t.said; status=$?; cat %t.said; test $status = 0 && FileCheck %s --check-prefix=CHECK-LATE <%t.said
// CHECK-LATE: HWCKPT-E272: {{.*}}: hwckpt_disable(): for {{[3-9][0-9][0-9]|[0-9][0-9][0-9][0-9]+}} ms; in process {{[0-9]+}} ({{.*}}tmp)
// RUN: %hwckpt run --name refuses -- %t refuses 2>%t.said; status=$?; cat %t.said; test $status = 0 && FileCheck %s --check-prefix=CHECK-REFUSES <%t.said
// CHECK-REFUSES: HWCKPT-E270: {{.*}}: child's: it returned 7; in process {{[0-9]+}} ({{.*}}tmp)
// CHECK-REFUSES-NOT: HWCKPT-E
// RUN: %hwckpt run --name hangs -- %t hangs 2>%t.said; status=$?; cat %t.said; test $status = 0 && FileCheck %s --check-prefix=CHECK-HANGS <%t.said
// CHECK-HANGS: HWCKPT-E271: {{.*}}: child's: it has not returned after 100 ms; in process
// CHECK-HANGS-NOT: HWCKPT-E
// RUN: %hwckpt run --name asks -- %t asks 2>%t.said; status=$?; cat %t.said; test $status = 0 && FileCheck %s --check-prefix=CHECK-ASKS <%t.said
// CHECK-ASKS: HWCKPT-E270: {{.*}}: child's: it returned 7; in process {{[0-9]+}} ({{.*}}tmp)
// CHECK-ASKS-NOT: HWCKPT-E
// RUN: rm -f %t.back && bash %S/../tools/Inputs/status 137 %hwckpt run --name restored -- %t restored %t.back && touch %t.back && %hwckpt restore restored
#include "behaviour.h"
#include <hwckpt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define LONG 60000 // ms; no working runtime needs it

static struct {
  _Atomic int step, result;
  _Atomic int told[2][4]; // of parent and child: how often of each moment
  _Atomic bool refuses, hangs, ends;
} *shared;

static void await_step(int step) {
  double begin = now();
  while (shared->step < step) {
    CHECK(now() - begin < 60);
    usleep(500);
  }
}

static void await_told(int who, enum hwckpt_moment moment, int times) {
  double begin = now();
  while (shared->told[who][moment] < times) {
    CHECK(now() - begin < 60);
    usleep(500);
  }
  CHECK_EQUAL(shared->told[who][moment], times);
}

static const char *back; // a file that is there when the program came back

static int called(enum hwckpt_moment moment, void *who) {
  bool child = who != 0;
  shared->told[child][moment]++;
  while (child && moment == HWCKPT_BEFORE && shared->hangs)
    usleep(1000);
  return child && moment == HWCKPT_BEFORE && shared->refuses ? 7 : 0;
}

static void ends(pid_t child) {
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

static pid_t start(void (*function)(void)) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child)
    return child;
  CHECK_EQUAL(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
  function();
  _exit(0);
}

// ---- sections

static void holds(void) {
  CHECK_EQUAL(hwckpt_disable(), 0);
  shared->step = 1;
  await_step(2);
  CHECK_EQUAL(hwckpt_enable(), 0);
  await_step(3);
}

static void section(void) {
  pid_t child = start(holds);
  unsigned long long before = hwckpt_generation();
  await_step(1);
  CHECK_EQUAL(hwckpt_request(), 0);
  for (int i = 0; i < 30; i++) { // the others are let in
    CHECK_EQUAL(hwckpt_disable(), 0);
    CHECK_EQUAL(hwckpt_enable(), 0);
    CHECK_EQUAL(hwckpt_wait(before + 1, 20), -ETIMEDOUT);
  }
  shared->step = 2;
  CHECK_EQUAL(hwckpt_wait(before + 1, LONG), 0);
  shared->step = 3;
  ends(child);
}

static void born_inside(void) {
  unsigned long long before = hwckpt_generation();
  CHECK_EQUAL(hwckpt_save(), -EDEADLK);
  shared->step = 1;
  await_step(2);
  CHECK_EQUAL(hwckpt_wait(before + 1, 20), -ETIMEDOUT);
  CHECK_EQUAL(hwckpt_enable(), 0);
  CHECK_EQUAL(hwckpt_enable(), -EPERM);
  CHECK_EQUAL(hwckpt_wait(before + 1, LONG), 0);
  await_step(3);
}

static void child(void) {
  unsigned long long before = hwckpt_generation();
  CHECK_EQUAL(hwckpt_disable(), 0);
  pid_t born = start(born_inside);
  CHECK_EQUAL(hwckpt_enable(), 0);
  await_step(1);
  CHECK_EQUAL(hwckpt_request(), 0);
  CHECK_EQUAL(hwckpt_wait(before + 1, 500), -ETIMEDOUT);
  shared->step = 2;
  CHECK_EQUAL(hwckpt_wait(before + 1, LONG), 0);
  shared->step = 3;
  ends(born);
}

// Each has to have had a section before the other ends its own.
static void needs_the_other(void) {
  for (int i = 1; i < 40; i += 2) {
    await_step(i);
    CHECK_EQUAL(hwckpt_disable(), 0);
    shared->step = i + 1;
    await_step(i + 2);
    CHECK_EQUAL(hwckpt_enable(), 0);
  }
}

static void *saves(void *unused) {
  do
    CHECK_EQUAL(hwckpt_save(), 0);
  while (!shared->ends);
  return unused;
}

static void depends(void) {
  pthread_t thread;
  pid_t other = start(needs_the_other);
  CHECK_EQUAL(pthread_create(&thread, 0, saves, 0), 0);
  shared->step = 1;
  for (int i = 2; i <= 40; i += 2) {
    await_step(i);
    CHECK_EQUAL(hwckpt_disable(), 0);
    CHECK_EQUAL(hwckpt_enable(), 0);
    shared->step = i + 1;
  }
  shared->ends = true;
  CHECK_EQUAL(pthread_join(thread, 0), 0);
  ends(other);
}

static void *is_often_inside(void *unused) {
  while (!shared->ends) {
    CHECK_EQUAL(hwckpt_disable(), 0);
    int before = back && access(back, F_OK) == 0;
    usleep(300);
    CHECK_EQUAL(back && access(back, F_OK) == 0, before); // in no checkpoint
    CHECK_EQUAL(hwckpt_enable(), 0);
  }
  return unused;
}

static void often_inside(void) {
  pthread_t threads[3];
  CHECK_EQUAL(hwckpt_callback("child's", called, "child"), 0);
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(pthread_create(&threads[i], 0, is_often_inside, 0), 0);
  shared->step = 1;
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(pthread_join(threads[i], 0), 0);
}

static void busy(void) {
  pid_t other = start(often_inside);
  await_step(1);
  for (int i = 0; i < 10; i++)
    CHECK_EQUAL(hwckpt_save(), 0);
  shared->ends = true;
  ends(other);
}

static void late(void) {
  pid_t other = start(holds);
  await_step(1);
  CHECK_EQUAL(hwckpt_save(), -ETIMEDOUT);
  shared->step = 2;
  CHECK_EQUAL(hwckpt_save(), 0);
  shared->step = 3;
  ends(other);
}

// ---- callbacks

static void has_callback(void) {
  CHECK_EQUAL(hwckpt_callback("child's", called, "child"), 0);
  CHECK_EQUAL(hwckpt_callback_deadline(shared->hangs ? 100 : LONG), 0);
  shared->step = 1;
  await_step(2);
}

static void fails(int wanted) {
  pid_t other = start(has_callback);
  CHECK_EQUAL(hwckpt_callback("parent's", called, 0), 0);
  await_step(1);
  CHECK_EQUAL(hwckpt_save(), wanted);
  await_told(0, HWCKPT_RESUMED, shared->told[0][HWCKPT_BEFORE]);
  shared->refuses = shared->hangs = false;
  await_told(1, HWCKPT_BEFORE, 1);
  int before = shared->told[0][HWCKPT_BEFORE];
  // Where it was late it is to return first.
  double begin = now();
  int result;
  while ((result = hwckpt_save()) == -ETIMEDOUT && wanted == -ETIMEDOUT)
    CHECK(now() - begin < 60);
  CHECK_EQUAL(result, 0);
  CHECK(shared->told[0][HWCKPT_BEFORE] > before);
  CHECK(shared->told[1][HWCKPT_BEFORE] >= 2);
  shared->step = 2;
  ends(other);
}

static void saves_itself(void) {
  CHECK_EQUAL(hwckpt_callback("child's", called, "child"), 0);
  CHECK_EQUAL(hwckpt_save(), -ECANCELED);
  CHECK_EQUAL(hwckpt_save(), -ECANCELED); // said once
  CHECK_EQUAL(hwckpt_callback("child's", 0, 0), 0);
  CHECK_EQUAL(hwckpt_save(), 0);
}

static void asks(void) {
  CHECK_EQUAL(hwckpt_callback("parent's", called, 0), 0);
  shared->refuses = true;
  ends(start(saves_itself));
  await_told(0, HWCKPT_BEFORE, 1);
  await_told(0, HWCKPT_RESUMED, 1);
}

static void restored(void) {
  pid_t other = start(often_inside);
  CHECK_EQUAL(hwckpt_callback("parent's", called, 0), 0);
  await_step(1);
  int times = hwckpt_save();
  CHECK(times >= 0);
  if (times == 0)
    die();
  await_told(0, HWCKPT_RESTORED, 1);
  await_told(1, HWCKPT_RESTORED, 1);
  CHECK_EQUAL(shared->told[1][HWCKPT_RESUMED], 0);
  CHECK_EQUAL(hwckpt_save(), 0);
  shared->ends = true;
  ends(other);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*function)(void);
  } modes[] = {{"section", section},  {"child", child}, {"depends", depends},
               {"busy", busy},        {"late", late},   {"asks", asks},
               {"restored", restored}};
  CHECK(argc >= 2);
  back = argv[2];
  shared =
      mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (!strcmp(argv[1], modes[i].name))
      modes[i].function();
  shared->refuses = shared->refuses || !strcmp(argv[1], "refuses");
  shared->hangs = !strcmp(argv[1], "hangs");
  if (!strcmp(argv[1], "refuses") || shared->hangs)
    fails(shared->hangs ? -ETIMEDOUT : -ECANCELED);
  return 0;
}
