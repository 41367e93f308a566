/* Queens that do not attack each other: recursion with a loop. */
#include "common.h"

enum { N = 13 };

static unsigned place(unsigned rows, unsigned left, unsigned right) {
  unsigned all = (1u << N) - 1, free = all & ~(rows | left | right), found = 0;
  if (rows == all)
    return 1;
  while (free) {
    unsigned queen = free & -free;
    free ^= queen;
    found += place(rows | queen, (left | queen) << 1, (right | queen) >> 1);
  }
  return found;
}

int main(int count, char **arguments) {
  (void)arguments;
  return printf("%u\n", place((unsigned)(count > 100), 0, 0)) < 0;
}
