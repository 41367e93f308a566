/* copies.h - which copies of an application's generations a tier has, and
 * keeping them up with the cache.
 *
 * The name of a copy says what it is of and what it builds on, so that a list
 * of names tells which copies are whole. Invariant: a name is believed when the
 * stream says the same (copy_in() looks).
 */
#ifndef HWCKPT_TIERS_COPIES_H
#define HWCKPT_TIERS_COPIES_H

#include "tier.h"

struct copies_result {
  bool sent;       /* false: the tier had it */
  uint64_t number; /* generation */
  uint64_t parent; /* that the copy builds on; 0: it stands alone */
  uint64_t newest; /* that the tier has: a restore takes it first */
};

/* Copies a generation (0: the newest) to the tier, as little of it as is new
 * there, and removes copies of its line that are too old: of what stands alone,
 * and all that builds on it, the two newest stay, and what was sent; and what
 * was begun of older ones. A line is what one cache sent of an application, and
 * caches that took it from there; of others the three that began last stay. */
int copies_send(struct tier *tier, struct cache *cache, const char *application,
                uint64_t number, struct copies_result *result,
                struct hwckpt_error *error);

/* What of a copy is missing. */
struct copies_gap {
  uint64_t number;  /* of the copy; 0: nothing is missing */
  uint64_t missing; /* what it builds on, itself or not */
};

#define COPIES_IDENTITY_MAX 17
/* What is looked for. */
struct copies_wanted {
  uint64_t number;                    /* 0: the newest */
  uint64_t below;                     /* only older ones, 0: any */
  char identity[COPIES_IDENTITY_MAX]; /* its beginning, in hex; "": any */
};
struct copies_found {
  uint64_t number, identity;
  uint64_t twin; /* identity of another one of that number, 0: there is none */
};

/* The newest generation of which the tier has a whole copy; of one application,
 * or, its name empty, of the only one there is, whose name is then filled in.
 * HWCKPT_E_TIER_NOTHING when there is none; HWCKPT_E_AMBIGUOUS when there are
 * two of the number that is wanted; of two that are the newest that of the
 * cache that began with the application last is taken. *gap: of a newer one not
 * all is there. */
int copies_find(struct tier *tier, char application[CACHE_NAME_MAX],
                const struct copies_wanted *wanted, struct copies_found *found,
                struct copies_gap *gap, struct hwckpt_error *error);

/* Puts it into the cache as a base. */
int copies_fetch(struct tier *tier, struct cache *cache,
                 const char *application, const struct copies_found *which,
                 struct cache_generation *result, struct hwckpt_error *error);

#endif
