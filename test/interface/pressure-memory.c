// pressure=memory of a rule: threads of the machine wait for memory, here those
// of a control group that has little. Not all that want to work do, for this
// one works.
// RUN: %behaviour %s -o %t
// RUN: %python %S/Inputs/memory_group.py %hwckpt run --on pressure=memory,some,1ms/2s -- %t
// RUN: %hwckpt show | FileCheck %s
// CHECK: event {{ *}}pressure
// CHECK-NEXT: cause {{ *}}pressure=memory,some,1ms/2s
// RUN: %python %S/Inputs/memory_group.py %hwckpt run --on pressure=memory,full,2s/2s -- %t works
#include "behaviour.h"

static unsigned long long checkpoints(void) {
  struct hwckpt_statistics is;
  CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  return is.checkpoints;
}

int main(int argc, char **argv) {
  (void)argv;
  double limit = argc > 1 ? 3 : 60;
  for (double end = now() + limit; !checkpoints() && now() < end;)
    if (argc == 1)
      CHECK_EQUAL(usleep(1000), 0);
  CHECK_EQUAL(checkpoints(), argc > 1 ? 0 : 1);
  return 0;
}
