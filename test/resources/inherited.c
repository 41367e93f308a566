// Standard input, output and error that are pipes are those of who restores; a
// duplicate of one follows it, without complaint.
// RUN: %behaviour %s -o %t && %by_all bash -o pipefail -c ' \
// RUN:   (echo first | %hwckpt run -- %t 2>&1 || true) | FileCheck %s --check-prefix=BEFORE --implicit-check-not=HWCKPT-E && \
// RUN:   echo second | %hwckpt restore 2>&1 | cat >out && \
// RUN:   printf "after: second\nafter on 2\nduplicate\n" | cmp - out'
// BEFORE: before: first
// BEFORE: before on 2
#include "behaviour.h"
static void line(const char *when) {
  char text[100];
  long length = read(0, text, sizeof text);
  CHECK(length > 0);
  dprintf(1, "%s: %.*s", when, (int)length, text);
}
int main(void) {
  int copy = dup(1);
  CHECK(copy > 2);
  line("before");
  dprintf(2, "before on 2\n");
  if (!came_back())
    die();
  line("after");
  dprintf(2, "after on 2\n");
  dprintf(copy, "duplicate\n");
  return 0;
}
