/* spill.h - copying checkpoints to a tier while the program runs.
 *
 * Done by a thread of hwckpt, never inside the program: the program does not
 * wait for it. What the tier cannot take is said, once for each cause, and
 * tried again with the next checkpoint. */
#ifndef HWCKPT_SPILL_H
#define HWCKPT_SPILL_H

#include "runtime/error.h"

#include <stdint.h>

struct seal_key;

struct spill_request {
  const char *tier;           /* null: none; then nothing is done */
  const struct seal_key *key; /* null: copies are not encrypted */
  uint64_t rate;              /* bytes a second, 0: any */
  const char *cache;          /* its path */
  const char *application;    /* in it; its directory is there */
};

struct spill;

/* Opens the tier and begins; *spill is null when none is asked for. */
int spill_begin(const struct spill_request *request, struct spill **spill,
                struct hwckpt_error *error);

/* The program has ended: copies its newest checkpoint, when the tier has not
 * got it, and ends. */
void spill_end(struct spill *spill);

#endif
