// every_site=K takes a checkpoint at every K-th site that is reached, and
// passes none: a third of the sites, a third of the checkpoints. The program's
// result is as without.
// RUN: %behaviour %s -o %t && %t > %t.plain
// RUN: for k in 1 3 10; do %hwckpt run --name every$k -o every_site=$k:keep=1000 -- %t >%t.$k && cmp %t.$k %t.plain || exit 1; done
// RUN: %hwckpt list --json | %python %S/Inputs/every_site.py
#include "behaviour.h"
static __attribute__((noinline)) unsigned step(unsigned value) {
  __asm__ volatile("" : "+r"(value));
  return value * 3 + 1;
}
/* Recursion has a site as well. */
static __attribute__((noinline)) unsigned tree(unsigned depth) {
  return depth ? tree(depth - 1) + step(tree(depth - 1)) : 1;
}
int main(int argc, char **argv) {
  (void)argv;
  unsigned value = 1;
  for (unsigned i = 0; i < 40 * (unsigned)argc; i++)
    value = step(value);
  value += tree(4);
  printf("%u\n", value);
  return 0;
}
