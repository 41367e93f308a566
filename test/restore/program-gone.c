// A program whose own file was removed or replaced before the checkpoint, as by
// an upgrade, comes back: the checkpoint has all of it. So it does where an
// earlier checkpoint was taken while the file was there.
// RUN: %behaviour %s -o %t && %by_all sh -c 'cp %t p && %restored -- ./p removed' && %by_all sh -c 'cp %t p && ! %restored -- ./p removed twice && %hwckpt restore'
// RUN: %by_all sh -c 'cp %t p && ! %restored -- ./p replaced twice && %hwckpt restore'
#include "behaviour.h"
static int counted = 7;
static const char text[] = "not written since the program was begun";
int main(int count, char **arguments) {
  (void)count;
  int twice = count > 2, before = __builtin_ckpt_save();
  CHECK(before >= 0);
  counted++;
  if (before == 0 && strcmp(arguments[1], "removed") == 0)
    CHECK(unlink("p") == 0);
  else if (before == 0)
    CHECK(symlink("/bin/true", "q") == 0 && rename("q", "p") == 0);
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  counted++;
  CHECK_EQUAL(counted, 9);
  CHECK(strlen(text) == 39);
  if (times < 1 + twice)
    die();
  return 0;
}
