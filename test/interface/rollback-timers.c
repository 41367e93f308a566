// Rollbacks at an event put no checkpoint of a timer off, however often they
// come; and one that is due with a rollback is of what follows that. So the
// program gets on, by what it does between the two.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run --every 600ms --restore-on every=400ms -- %t time
// RUN: %hwckpt run --on every=300ms --restore-on every=300ms -- %t time
// RUN: %hwckpt run --on cpu=60ms --restore-on cpu=40ms -- %t cpu
// RUN: HWCKPT_OPTIONS='on=every=1s:on="every=1s,then=rollback"' %python %S/Inputs/stop_and_go.py %t time
#include "behaviour.h"
int main(int argc, char **argv) {
  double begin = now();
  CHECK(argc == 2);
  int by_cpu = !strcmp(argv[1], "cpu");
  CHECK(__builtin_ckpt_save() >= 0);
  for (int step = 0; step < (by_cpu ? 40 : 100); step++) {
    clock_t end = clock() + CLOCKS_PER_SEC / 500;
    CHECK(now() - begin < 100);
    while (by_cpu && clock() < end)
      ;
    if (!by_cpu)
      usleep(5000);
  }
  return 0;
}
