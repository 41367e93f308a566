// A child of a program under `hwckpt run` describes, saves and loads regions,
// and has its thread go back, from its beginning on, before any checkpoint:
// also where it was made while a thread of its parent saved. Without `hwckpt
// run` that is -ENOSYS.
// RUN: %behaviour %s -o %t && %t alone
// RUN: timeout 60 %hwckpt run --name family -- %t
// RUN: %hwckpt list --json | %python -c 'import json, sys; found = {a["name"]: [g["number"] for g in a["generations"]] for a in json.load(sys.stdin)["applications"]}; assert found["family.parent"] and found["family.child"] == [19, 20], found'
#include "behaviour.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

static long step, of_child;
static _Atomic int enough;

static void *save_on(void *argument) {
  while (!enough)
    CHECK(hwckpt_region_save("parent") > 0);
  return argument;
}

static void in_child(int number) {
  volatile int here = 1;
  of_child = number;
  CHECK_EQUAL(hwckpt_region("child", "of_child", &of_child, 1, HWCKPT_INT64),
              0);
  CHECK_EQUAL(hwckpt_region_save("child"), number);
  of_child = 0;
  CHECK_EQUAL(hwckpt_region_load("child"), number);
  CHECK_EQUAL(of_child, number);
  int n = hwckpt_thread_save(0);
  CHECK_EQUAL(here, 1);
  if (n == 0) {
    here = 2;
    hwckpt_thread_load();
  }
  CHECK_EQUAL(n, 1);
}

static void refused(int number) {
  (void)number;
  CHECK_EQUAL(hwckpt_region("child", "of_child", &of_child, 1, HWCKPT_INT64),
              -ENOSYS);
  CHECK_EQUAL(hwckpt_region_save("parent"), -ENOSYS);
  CHECK_EQUAL(hwckpt_region_enter("parent"), -ENOSYS);
  CHECK_EQUAL(hwckpt_thread_save(0), -ENOSYS);
}

int main(int argc, char **argv) {
  pthread_t thread;
  int status;
  (void)argv;
  CHECK_EQUAL(hwckpt_region("parent", "step", &step, 1, HWCKPT_INT64), 0);
  CHECK_EQUAL(pthread_create(&thread, 0, save_on, 0), 0);
  for (int i = 1; i <= 20; i++) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      (argc > 1 ? refused : in_child)(i);
      _exit(7);
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQUAL(WEXITSTATUS(status), 7);
  }
  enough = 1;
  CHECK_EQUAL(pthread_join(thread, 0), 0);
  return 0;
}
