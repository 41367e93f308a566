/* copy_common.h - which pages of a generation of several processes are of more
 * than one of them, or at more than one address: the cache has their content
 * once, and so has a copy.
 *
 * Found by where in the application's log pages lie, without reading any. */
#ifndef HWCKPT_TIERS_COPY_COMMON_H
#define HWCKPT_TIERS_COPY_COMMON_H

#include "copy_ranges.h"
#include "stream.h"

struct common_run; /* where pages of one process lie */

/* Neighbouring pages with the places they are at, the first of which is where
 * they are read. */
struct common_group {
  size_t first_place, places, pages;
};

struct common {
  struct common_run *runs;
  size_t run_count, run_room;
  struct common_group *groups; /* ascending by process and address */
  size_t group_count, group_room;
  struct stream_common_place *places;
  size_t place_count, place_room;
};

/* Takes in what of a process is copied. */
int common_add(struct common *common, struct cache_reader *reader,
               size_t process, const struct ranges *ranges,
               struct hwckpt_error *error);

/* When all are in: finds the groups. */
int common_find(struct common *common, struct hwckpt_error *error);

/* Of a process: what is in groups; and, `read`, what of it is read for them. In
 * order. */
int common_of(const struct common *common, size_t process, bool read,
              struct ranges *ranges, struct hwckpt_error *error);

/* The group that is read at a page of a process, which has one. */
const struct common_group *common_at(const struct common *common,
                                     size_t process, uint64_t address);

void common_free(struct common *common);

#endif
