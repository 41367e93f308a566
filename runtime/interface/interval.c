/* interval.c - see interval.h. */
#include "interval.h"

#define PARTS 4u /* one is the program's own */

static uint64_t square_root(uint64_t value) {
  uint64_t root = 0;
  for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
    if ((root + bit) * (root + bit) <= value)
      root += bit;
  return root;
}

uint64_t interval_daly(uint64_t cost_ns, uint64_t mtbf_ns) {
  /* In microseconds, for which the product fits as long as it makes sense. */
  uint64_t cost = cost_ns / 1000 + 1, mtbf = mtbf_ns / 1000 + 1, product;
  if (cost / 2 >= mtbf || __builtin_mul_overflow(2 * cost, mtbf, &product))
    return mtbf_ns;
  /* sqrt(2cM) (1 + sqrt(c/2M) / 3 + (c/2M) / 9) - c */
  uint64_t root = square_root(product);
  uint64_t interval = root + cost / 3 + root * cost / mtbf / 18;
  return (interval > cost ? interval - cost : 1) * 1000;
}

uint64_t interval_due(uint64_t begin_ns, uint64_t now_ns,
                      uint64_t interval_ns) {
  uint64_t took = now_ns - begin_ns;
  uint64_t due = begin_ns + interval_ns;
  uint64_t rested = now_ns + (took > interval_ns ? took : interval_ns / PARTS);
  return due < rested ? rested : due;
}

uint64_t interval_due_back(uint64_t due_ns, uint64_t now_ns,
                           uint64_t interval_ns) {
  return due_ns > now_ns ? due_ns : now_ns + interval_ns / PARTS;
}
