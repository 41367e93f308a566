// A thread that a debugger holds cannot be stopped: that is said, with the
// thread, the save fails, and the program goes on; later ones are taken.
// RUN: %behaviour %s -o %t && { %t 2>%t.said; status=$?; cat %t.said; test $status = 77 && exit 77; test $status = 0; } && FileCheck %s <%t.said
// CHECK: HWCKPT-E203: a thread did not stop: thread {{[0-9]+}}: {{[0-9]+}} of {{[0-9]+}} threads stopped within 10 s
// CHECK-NOT: HWCKPT-E
#include "behaviour.h"
#include <hwckpt.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static int held[2], let_go[2]; // pipes

static void debugger(pid_t of) {
  char byte = 0;
  bool may = ptrace(PTRACE_SEIZE, of, 0, 0) == 0;
  if (may) {
    CHECK_EQUAL(ptrace(PTRACE_INTERRUPT, of, 0, 0), 0);
    CHECK_EQUAL(waitpid(of, NULL, __WALL), of);
  }
  CHECK_EQUAL(write(held[1], &may, 1), 1);
  CHECK_EQUAL(read(let_go[0], &byte, 1), 1);
  if (may)
    CHECK_EQUAL(ptrace(PTRACE_DETACH, of, 0, 0), 0);
  _exit(0);
}

static void *saver(void *unused) {
  bool may;
  CHECK_EQUAL(read(held[0], &may, 1), 1);
  if (!may)
    SKIP("ptrace is not permitted");
  CHECK_EQUAL(hwckpt_save(), -EIO);
  CHECK_EQUAL(write(let_go[1], "", 1), 1);
  CHECK_EQUAL(wait(NULL) > 0, 1);
  CHECK_EQUAL(hwckpt_save(), 0);
  return unused;
}

int main(void) {
  pthread_t thread;
  pid_t own = getpid();
  CHECK(pipe(held) == 0 && pipe(let_go) == 0);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  CHECK_EQUAL(pthread_create(&thread, NULL, saver, NULL), 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child)
    debugger(own);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  return 0;
}
