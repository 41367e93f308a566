/* dirty.h - memory that a program changes between checkpoints: a base, then
 * deltas, then killed and restored. */
#ifndef DIRTY_H
#define DIRTY_H

#include "behaviour.h"

#include <sys/mman.h>

enum { PAGE = 4096 };

/* Runs the steps; each is followed by a checkpoint, the last by the death of
 * the program and its restore as well. */
static inline void dirty_steps(void (*const *steps)(void), unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    steps[i]();
    if (i + 1 < count)
      CHECK_EQUAL(__builtin_ckpt_save(), 0);
    else
      die_and_come_back();
  }
}
#define STEPS(...)                                                             \
  dirty_steps((void (*const[])(void)){__VA_ARGS__},                            \
              sizeof((void (*[])(void)){__VA_ARGS__}) /                        \
                  sizeof(void (*)(void)))

static inline char *map_at(void *at, size_t pages, int flags) {
  char *memory = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

/* Gives each page of memory a value of its own. */
static inline void fill(char *memory, size_t pages, int seed) {
  for (size_t i = 0; i < pages; i++)
    memset(memory + i * PAGE, (int)(seed + (int)i) % 251 + 1, PAGE);
}
static inline void expect(const char *memory, size_t pages, int seed) {
  for (size_t i = 0; i < pages; i++)
    for (size_t k = 0; k < PAGE; k += 511)
      CHECK_EQUAL((unsigned char)memory[i * PAGE + k],
                  (seed + (int)i) % 251 + 1);
}
static inline void expect_zero(const char *memory, size_t pages) {
  for (size_t i = 0; i < pages * PAGE; i += 64)
    CHECK_EQUAL(memory[i], 0);
}

#endif
