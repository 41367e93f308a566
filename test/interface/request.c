// hwckpt_request(): answers at once, from a signal handler too, and a
// checkpoint follows; requests that come while one is taken become one.
// RUN: %behaviour %s -o %t && %hwckpt run -o keep=100000 -- %t && %hwckpt list --json | FileCheck %s
// CHECK: "event": "api"
#include "behaviour.h"
static _Atomic int result = 1;
static void handler(int number) {
  (void)number;
  result = hwckpt_request();
}
int main(void) {
  CHECK_EQUAL(hwckpt_request(), 0);
  while (generations() < 1)
    sched_yield();
  signal(SIGTERM, handler);
  unsigned before = generations();
  raise(SIGTERM);
  CHECK_EQUAL(result, 0);
  while (generations() == before)
    sched_yield();
  before = generations();
  enum { REQUESTS = 20000 };
  for (int i = 0; i < REQUESTS; i++)
    CHECK_EQUAL(hwckpt_request(), 0);
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  CHECK(generations() < before + REQUESTS / 2);
  return 0;
}
