/* precopy.h - copying written pages in rounds while the program runs, so that
 * few are left to be copied while it stands still.
 */
#ifndef HWCKPT_SUPPORT_PRECOPY_H
#define HWCKPT_SUPPORT_PRECOPY_H

#include "capture.h"

struct precopy {
  unsigned rounds;
  uint64_t first;    /* pages that the first one found */
  uint64_t pages;    /* copied in them */
  uint64_t left;     /* pages that the last round found */
  uint64_t round_ns; /* how long the last one took */
  bool vain;         /* a sample alone was copied (sample.h) */
};

/* Whether rounds are worth making, as earlier checkpoints had it. Where the
 * program writes the same pages again and again, rounds leave as much to the
 * stop as there was, and all of them go to flash. Invariant: a checkpoint in
 * `skip` is taken without; then rounds are tried again, after more and more
 * checkpoints if they go on to be of no use. */
struct precopy_worth {
  unsigned skip; /* checkpoints to come without rounds */
  unsigned next; /* so many, when rounds are of no use again */
  bool doubted;  /* they were of no use once, which may be by chance */
  bool vain;     /* a sample said so the last time (sample.h) */
  uint64_t rest; /* pages left to the stop when they were not */
};

bool precopy_is_worth(struct precopy_worth *worth);
/* After a checkpoint: its first round found so many pages, 0 where there was
 * none, and `rest` were copied in or after its stop. */
void precopy_learn(struct precopy_worth *worth, uint64_t first, uint64_t rest);

/* Makes rounds until few pages are left or their number does not shrink. With
 * `all`, the first one takes every page there is (for a base). Called again
 * with the same precopy it goes on: time has passed since the last round. */
int precopy_run(struct capture *capture, struct memory_map *map, bool all,
                struct precopy *precopy, struct hwckpt_error *error);

#endif
