/* watched.h - for tests of watched memory: each write is to be one event, and
 * nothing else is. */
#ifndef WATCHED_H
#define WATCHED_H

#include "behaviour.h"

/* Writes until now that are to be events, or checkpoints that were taken before
 * the first. */
static unsigned long long writes;

static inline unsigned long long taken(void) {
  struct hwckpt_statistics is;
  CHECK_EQUAL(hwckpt_statistics(&is, sizeof is), 0);
  return is.checkpoints;
}

/* One more event than before, and no other. */
static inline void expect_event(void) {
  double begin = now();
  writes++;
  while (taken() < writes)
    CHECK(now() - begin < 60);
  usleep(20000);
  CHECK_EQUAL(taken(), writes);
}

static inline void expect_nothing(void) {
  usleep(20000);
  CHECK_EQUAL(taken(), writes);
}

/* A pointer that the compiler cannot see through. */
#define hidden(pointer)                                                        \
  ({                                                                           \
    __typeof__(pointer) hidden_ = (pointer);                                   \
    __asm__("" : "+r"(hidden_));                                               \
    hidden_;                                                                   \
  })

#endif
