/* plan.h - what of which generation makes up the pages wanted: the part of a
 * plan that knows how pages lie in frames and files. cache.h has the contract.
 *
 * Invariant: a plan does not change once it is made; whatever reading it alters
 * is in the worker.
 */
#ifndef HWCKPT_CACHE_PLAN_H
#define HWCKPT_CACHE_PLAN_H

#include "reader.h"

/* One generation of which something is wanted. */
struct plan_link {
  size_t chain; /* its place in the reader's chain */
  unsigned frame_pages;
  const struct image_index *index; /* the reader's */
  uint64_t first; /* number of its first frame, among those of all links */
};

/* Neighbouring frames of one generation, read at once. */
struct plan_unit {
  uint32_t link;
  uint32_t frames;
  uint64_t first; /* frame */
  size_t pieces;  /* of the plan's list: what is wanted of the frames */
  size_t pieces_end;
};

struct cache_plan {
  struct cache_reader *reader;
  const struct cache_env *env;
  unsigned unit_frames; /* at most, in any unit */
  uint64_t pages;
  struct buffer links;     /* struct plan_link, newest generation first */
  struct buffer units;     /* struct plan_unit, each link's in file order */
  struct spans pieces;     /* of one unit each, ascending by slot in it */
  struct spans by_address; /* ascending; slot holds the frame, see plan.c */
  struct buffer unit_of;   /* uint32_t for each frame of the links: its unit */
  size_t stored_max;       /* bytes of the largest unit in the file */
  size_t raw_max;          /* and decoded */
};

struct cache_worker {
  struct cache_reader *reader;
  const struct cache_plan *plan; /* null: none, only single pages */
  struct frame_reader frames;
  struct image image; /* the generation that was read last */
  size_t chain;       /* which that is, in the reader's chain */
  bool open;
};

#endif
