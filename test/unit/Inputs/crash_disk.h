/* crash_disk.h - a file system in memory that records what is done to it, and
 * builds again what a device may have kept of any part of that when the power
 * goes.
 */
#ifndef HWCKPT_TEST_UNIT_CRASH_DISK_H
#define HWCKPT_TEST_UNIT_CRASH_DISK_H

#include "unit.h"

/* The cache lies at "cache". */
extern const struct cache_env crash_env;

/* Operations recorded up to now. */
extern size_t crash_recorded;

/* From the disk as it is now on. */
void crash_begin(void);
void crash_end(void);

/* For every prefix of the record: calls check with its length, on a disk of
 * which all is there that was synced, and of the rest nothing, all, all with
 * the last write torn, and `samples` times any part in any order. */
void crash_each(unsigned samples, void (*check)(size_t end));

#endif
