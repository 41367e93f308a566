// site= of a rule: the checkpoint is taken where a thread stands at a site that
// the source asks for, though it runs past others all the time; and anywhere,
// when none comes in time, or somebody waits for it.
// RUN: %behaviour %s -o %t && rm -f %t.killed
// RUN: bash %S/../tools/Inputs/status 137 %hwckpt run --on signal=USR1,site=10s -- %t %t.killed
// RUN: bash %S/../tools/Inputs/status 3 %hwckpt restore
// RUN: %hwckpt run --on signal=USR1,site=300ms -- %t late
// RUN: %hwckpt run --on signal=USR1,site=100s -- %t save
#include "behaviour.h"
static volatile int at_site;
static volatile unsigned steps;
static void work(const char *killed, double seconds) {
  for (double end = now() + seconds; now() < end; steps++)
    if (!access(killed, F_OK)) /* it is not restored here */
      _exit(1);
}
int main(int argc, char **argv) {
  CHECK(argc == 2);
  if (!strcmp(argv[1], "late") || !strcmp(argv[1], "save")) {
    double begin = now();
    unsigned before = generations();
    raise(SIGUSR1);
    if (!strcmp(argv[1], "save"))
      CHECK_EQUAL(__builtin_ckpt_save(), 0);
    wait_for_generations(before + 1 - generations());
    CHECK(strcmp(argv[1], "late") || now() - begin >= 0.3);
    return 0;
  }
  raise(SIGUSR1);
  for (int round = 0; round < 100; round++) {
    work(argv[1], 0.05);
    at_site = 1;
    __builtin_ckpt_poll();
    if (!access(argv[1], F_OK))
      return 3;
    at_site = 0;
    if (generations() == 1) {
      CHECK(first_time(argv[1]));
      die();
    }
  }
  return 1;
}
