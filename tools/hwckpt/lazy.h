/* lazy.h - restoring while the program runs: whether, and the plan for it. */
#ifndef HWCKPT_LAZY_H
#define HWCKPT_LAZY_H

#include "generation.h"

enum lazy_mode {
  LAZY_AUTO,  /* where it can be done and the program is large */
  LAZY_FAULT, /* or an error */
  LAZY_NO,
};

/* Reads the value of --lazy; false when it is none. */
bool lazy_mode_parse(const char *text, enum lazy_mode *mode);

/* Settles the mode: FAULT or NO, or an error. */
int lazy_settle(const struct generation *generation, enum lazy_mode *mode,
                struct hwckpt_error *error);

/* Whether what the program writes meanwhile can be known: its runtime and the
 * kernel know how. */
bool lazy_can_track(const struct generation *generation);

/* Pages that stay away until all others are there. */
struct cache_range lazy_gate(const struct generation *generation);

/* The plan for all that is loaded while the program runs. */
int lazy_plan(const struct generation *generation, struct cache_plan **plan,
              struct hwckpt_error *error);

#endif
