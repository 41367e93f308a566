// every=auto: the first checkpoint after a second, the next ones as Daly's
// formula says, which for a program this small and failures this frequent is
// much sooner.
// RUN: %behaviour %s -o %t && %hwckpt run --every auto --mtbf 2s -- %t
// RUN: not %hwckpt run --every auto --mtbf soon -- %t
// RUN: not env HWCKPT_OPTIONS=every=sometimes %t
#include "behaviour.h"
int main(void) {
  struct hwckpt_statistics now_is;
  double begin = now();
  do {
    CHECK(now() - begin < 20);
    usleep(1000);
    CHECK_EQUAL(hwckpt_statistics(&now_is, sizeof now_is), 0);
  } while (now_is.checkpoints < 3);
  CHECK(now_is.interval_ns >= 10000000);
  CHECK(now_is.interval_ns != 1000000000);
  CHECK(now_is.interval_ns <= 2000000000);
  return 0;
}
