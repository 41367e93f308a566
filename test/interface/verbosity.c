// verbosity=1 says each checkpoint in one line, on standard error only; without
// it nothing is said.
// RUN: %behaviour %s -o %t && %hwckpt run -- %t 2>&1 | count 0
// RUN: %hwckpt run -o verbosity=1 -- %t 2>%t.err | count 0 && FileCheck %s <%t.err
// CHECK: hwckpt: {{.*}}/1 base, {{[0-9]+}} pages, paused {{[0-9]+}} us
// CHECK: hwckpt: {{.*}}/2 delta, {{[0-9]+}} pages, paused {{[0-9]+}} us
#include "behaviour.h"
int main(void) {
  /* The line of one is written before the next is begun. */
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(__builtin_ckpt_save(), 0);
  return 0;
}
