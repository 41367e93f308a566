// Each command that docs/events.md shows does what it says it does: its rules
// are understood, and the program runs with them.
// RUN: %behaviour -no-pie %s -o %t && rm -rf %t.folder && %python %S/Inputs/events_page.py %hwckpt %src/docs/events.md %t %t.folder
#include "behaviour.h"
long step;
char table[100];
int main(void) {
  int result = __builtin_ckpt_save();
  CHECK_EQUAL(result, 0);
  step++;
  table[50]++;
  CHECK_EQUAL(__builtin_ckpt_save(), 0);
  return 0;
}
