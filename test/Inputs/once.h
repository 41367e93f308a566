/* once.h - for tests of the runtime in which checkpoints come at any time: what
 * ends the program, or takes it back, the first time that it gets here.
 *
 * A checkpoint between first_time() and the end would hold that it is to end,
 * and who comes back from it would do so again for ever. Invariant: there is
 * none, for both are in one critical section. */
#ifndef ONCE_H
#define ONCE_H

#include "behaviour.h"
#include <hwckpt.h>

/* The section stays open where it is the first time. */
static inline int first_time_in_section(const char *file) {
  CHECK_EQUAL(hwckpt_disable(), 0);
  if (first_time(file))
    return 1;
  CHECK_EQUAL(hwckpt_enable(), 0);
  return 0;
}

static inline void die_once(const char *file) {
  if (first_time_in_section(file))
    die();
}

static inline void roll_back_once(const char *file) {
  if (first_time_in_section(file))
    roll_back();
}

#endif
