// Standard input and output that are files come back as files, at their
// offsets, whatever who restores has there.
// RUN: %behaviour %s -o %t && printf '0123456789' >%t.in && rm -f %t.out
// RUN: %hwckpt run -- %t <%t.in >%t.out || test $? = 137
// RUN: echo other | %hwckpt restore >%t.other && count 0 < %t.other
// RUN: printf '0123 4567' | cmp - %t.out
#include "behaviour.h"
static void copy_four(void) {
  char text[4];
  CHECK_EQUAL(read(0, text, 4), 4);
  CHECK_EQUAL(write(1, text, 4), 4);
}
int main(void) {
  copy_four();
  CHECK_EQUAL(write(1, " ", 1), 1);
  if (!came_back()) {
    copy_four();
    die();
  }
  copy_four();
  return 0;
}
