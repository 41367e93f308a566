// The timer takes checkpoints at the asked rate: as many as fit, not more; and
// none without it.
// RUN: %behaviour %s -o %t && %hwckpt run --every 20ms -o keep=1000 -- %t && %hwckpt list --json | grep -c '"event": *"timer"' | grep -vx 0
// RUN: rm -rf $HWCKPT_CACHE && %hwckpt run -- %t none
#include "behaviour.h"
int main(int argc, char **argv) {
  (void)argv;
  double begin = now();
  if (argc == 2) {
    while (now() - begin < 0.2)
      ;
    CHECK_EQUAL(generations(), 0);
    return 0;
  }
  wait_for_generations(10);
  double took = now() - begin;
  /* Ten intervals, but for the one that had begun. */
  CHECK(took >= 9 * 0.02);
  CHECK(generations() <= took / 0.02 + 2);
  return 0;
}
