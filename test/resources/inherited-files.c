// Standard input and output that are files come back as files, at their
// offsets, whatever who restores has there.
// RUN: %behaviour %s -o %t && %by_all bash -o pipefail -c ' \
// RUN:   printf 0123456789 >in && (%hwckpt run -- %t <in >out || test $? = 137) && \
// RUN:   echo other | %hwckpt restore >other && count 0 <other && \
// RUN:   printf "0123 4567" | cmp - out'
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
