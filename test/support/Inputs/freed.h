/* freed.h - blocks of many sizes, of which most are freed again. */
#ifndef FREED_H
#define FREED_H

#include "behaviour.h"
#include <pthread.h>

enum { BLOCKS = 1200 };

/* Noise, so that nothing is left out for what is in it. */
static inline unsigned freed_byte(unsigned block, size_t i) {
  unsigned x = (block + 1) * 2654435761u + (unsigned)i * 40503u;
  return (x ^ x >> 15) * 2246822519u >> 24;
}
static inline size_t freed_size(unsigned block) {
  static const size_t sizes[] = {24,   20000, 100,   100000,
                                 5000, 130,   60000, 9000};
  return sizes[block % 8] + block % 7 * 40;
}
static inline void freed_fill(unsigned char *at, unsigned block, size_t size) {
  for (size_t i = 0; i < size; i++)
    at[i] = (unsigned char)freed_byte(block, i);
}
static inline void freed_expect(const unsigned char *at, unsigned block,
                                size_t size) {
  for (size_t i = 0; i < size; i++)
    CHECK_EQUAL(at[i], freed_byte(block, i));
}
static inline int freed_stays(unsigned block) { return block / 8 % 4 == 0; }

#endif
