/* spill.h - copying checkpoints to a tier while the program runs.
 *
 * Done by a thread of hwckpt, never inside the program: the program does not
 * wait for it. What the tier cannot take is said, once for each cause, and
 * tried again with the next checkpoint. */
#ifndef HWCKPT_SPILL_H
#define HWCKPT_SPILL_H

#include "tools/tiers/tier.h"

#include <stdint.h>

struct spill_request {
  const char *tier;           /* null: none; then nothing is done */
  const struct seal_key *key; /* null: copies are not encrypted */
  struct tier_limits limits;
  const char *cache;       /* its path */
  const char *application; /* in it; its directory is there */
};

struct spill;

/* Opens the tier and begins; *spill is null when none is asked for. */
int spill_begin(const struct spill_request *request, struct spill **spill,
                struct hwckpt_error *error);

/* The program has ended: copies its newest checkpoint, when the tier has not
 * got it, and ends. A tier that hangs is left behind, with a warning. */
void spill_end(struct spill *spill);

#endif
