/* crash_disk.h - a file system in memory that records what is done to it, and
 * builds again what a device may have kept of any part of that when the power
 * goes.
 */
#ifndef HWCKPT_TEST_UNIT_CRASH_DISK_H
#define HWCKPT_TEST_UNIT_CRASH_DISK_H

#include "unit.h"

/* The cache lies at "cache". */
extern const struct cache_env crash_env;
/* As unit_mapped(). */
extern size_t crash_mapped;

/* Operations recorded up to now. */
extern size_t crash_recorded;

/* How often a file of that name was made in the run. */
unsigned crash_made(const char *name);

/* From the disk as it is now on. */
void crash_begin(void);
void crash_end(void);

struct crash_effort {
  unsigned all, samples, borders, torn; /* at crash_each() */
};

/* What a run's disks were, for people and for checks of the test itself. */
struct crash_counts {
  unsigned long states, torn;
  unsigned long windows, whole; /* prefixes; those of which no combination is
                                 * missing */
  unsigned most; /* operations that were pending, counters as one */
};

/* For every prefix of the record: calls check with its length, on a disk of
 * which all is there that was synced before, and any part of what was not:
 *
 * - Every combination of what is pending, where these are at most 2 to the
 * power of `all`. Of more: nothing and all, each with any one or two the other
 * way round (only with `torn`), and `samples` at random. Counters (the first
 * u64 of a file), which need not be durable, are all old or all new in these,
 * and (only with `torn`) each of them has each of its values beside all and
 *   beside nothing.
 * - The newest write torn at every border between two sectors (at most at
 *   `borders` of them, at the same distance): by turns what is before the
 *   border kept or what is behind it, and all else that is pending or nothing.
 * - Of at most 2 to the power of `torn` combinations each with each write that
 *   is kept of it torn, at a border at random; likewise those at random.
 *
 * What leaves out the newest operation was built for the prefix before. */
struct crash_counts crash_each(const struct crash_effort *effort,
                               void (*check)(size_t end));

/* The effort of this run: HWCKPT_STRESS=1 is for all, which takes minutes, so
 * that a test may do a share of it: CRASH_SHARE=2/3 in the environment is every
 * third prefix from the third on. Without HWCKPT_STRESS it is all of them. */
const struct crash_effort *crash_effort(void);

#endif
