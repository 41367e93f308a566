/* precopy.h - copying written pages in rounds while the program runs, so that
 * few are left to be copied while it stands still.
 */
#ifndef HWCKPT_SUPPORT_PRECOPY_H
#define HWCKPT_SUPPORT_PRECOPY_H

#include "capture.h"

struct precopy {
  unsigned rounds;
  uint64_t pages;    /* copied in them */
  uint64_t left;     /* pages that the last round found */
  uint64_t round_ns; /* how long the last one took */
};

/* Makes rounds until few pages are left or their number does not shrink. With
 * `all`, the first one takes every page there is (for a base). */
int precopy_run(struct capture *capture, struct memory_map *map, bool all,
                struct precopy *precopy, struct hwckpt_error *error);

#endif
