/* common.h - what the small programs share. Each computes for some tens of
 * milliseconds and prints a sum of what it computed, by which `bench/run
 * overhead` sees that it computes the same with and without sites. Large arrays
 * come from the heap, at addresses whose low bits do not depend on the
 * program's size. */
#ifndef HWCKPT_BENCH_COMMON_H
#define HWCKPT_BENCH_COMMON_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *make(size_t count, size_t size) {
  void *memory = aligned_alloc(4096, (count * size + 4095) & ~(size_t)4095);
  if (!memory)
    abort();
  return memory;
}

static inline uint64_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005ull + 1442695040888963407ull;
  return *state >> 33;
}

/* `count` numbers between 0 and 1, the same each time. */
static inline double *make_numbers(size_t count) {
  double *numbers = make(count, sizeof *numbers);
  uint64_t state = 1;
  for (size_t i = 0; i < count; i++)
    numbers[i] = (double)next_random(&state) / 2147483648.0;
  return numbers;
}

static inline int sum_numbers(const double *numbers, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += numbers[i];
  return printf("%.9g\n", sum) < 0;
}

#endif
