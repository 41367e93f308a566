// A program started without `hwckpt run` and without HWCKPT_OPTIONS runs as it
// is, and takes a checkpoint where it asks for one, in the user's own cache.
// HWCKPT_OPTIONS chooses another.
// RUN: %behaviour %s -o %t && rm -rf %t.state %t.home %t.other
// RUN: %t no && test ! -e $HWCKPT_CACHE
// RUN: (%t yes || test $? = 137) && %hwckpt restore
// RUN: (env -u HWCKPT_CACHE XDG_STATE_HOME=%t.state %t yes || test $? = 137) && %hwckpt restore --cache %t.state/hwckpt
// RUN: (env -u HWCKPT_CACHE -u XDG_STATE_HOME HOME=%t.home %t yes || test $? = 137) && %hwckpt restore --cache %t.home/.local/state/hwckpt
// RUN: (HWCKPT_OPTIONS="cache='%t.other':application=named" %t yes || test $? = 137) && %hwckpt restore --cache %t.other named
#include "behaviour.h"
int main(int argc, char **argv) {
  CHECK(argc == 2);
  volatile unsigned long sum = 0;
  for (unsigned long i = 0; i < 1000000 * (unsigned long)argc; i++)
    sum += i;
  if (strcmp(argv[1], "yes") == 0)
    die_and_come_back();
  return 0;
}
