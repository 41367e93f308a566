// spacing= of a rule: what comes sooner after the begin of the last checkpoint
// waits, and is served by one; or by a checkpoint that another rule asks for.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run --on signal=USR1,spacing=3s --on signal=USR2 -- %t
// RUN: %hwckpt list --json | grep -c '"event": *"signal"' | grep -x 3
// RUN: %hwckpt show | FileCheck %s
// CHECK: cause {{ *}}signal=USR1,spacing=3s
#include "behaviour.h"
int main(void) {
  raise(SIGUSR1);
  wait_for_generations(1 - generations());
  double begin = now();
  for (int i = 0; i < 5; i++)
    raise(SIGUSR1);
  CHECK_EQUAL(usleep(50000), 0);
  CHECK_EQUAL(generations(), 1);
  raise(SIGUSR2);
  wait_for_generations(2 - generations());
  CHECK(now() - begin < 2.5);
  /* Those before are served; this one has the time to itself. */
  begin = now();
  raise(SIGUSR1);
  wait_for_generations(3 - generations());
  CHECK(now() - begin > 1);
  CHECK_EQUAL(usleep(100000), 0);
  CHECK_EQUAL(generations(), 3);
  return 0;
}
