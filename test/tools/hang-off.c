// --hang 0 is the option hang=0: off, whatever was said before it.
// RUN: %behaviour %s -o %t
// RUN: bash %S/Inputs/status 134 %hwckpt run -o hang=100ms -- %t
// RUN: bash %S/Inputs/status 7 %hwckpt run -o hang=100ms --hang 0 -- %t
// One without sites is never seen to hang.
// RUN: bash %S/Inputs/status 0 %hwckpt run --hang 100ms -- sleep 1
// RUN: for bad in "" x -1 0x; do bash %S/Inputs/status 2 %hwckpt run --hang "$bad" -- %t 2>&1 | grep -c "is no duration" || { echo "not refused: $bad"; exit 1; }; done
// RUN: bash %S/Inputs/status 2 %hwckpt run --mtbf 0 -- %t
#include "behaviour.h"
int main(void) {
  __builtin_ckpt_poll();
  CHECK_EQUAL(usleep(1000000), 0); /* ten times that without a site */
  __builtin_ckpt_poll();
  return 7;
}
