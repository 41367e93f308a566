/* fetch.h - taking a checkpoint from a tier when the cache has none as good. */
#ifndef HWCKPT_FETCH_H
#define HWCKPT_FETCH_H

#include "selection.h"

#define FETCH_TIERS_MAX 8

struct seal_key;

struct fetch_request {
  const char *cache_option;
  const char *which; /* APP, APP/N, or null */
  const char *tiers[FETCH_TIERS_MAX];
  unsigned count;
  const struct seal_key *key; /* of what is there; null: it is plain */
};

/* The nearest that has a whole copy counts: the cache, which is made when it is
 * not there, then the tiers in their order. With a copy from a tier, `which` of
 * the caller is to be chosen[], APP/N; else chosen[0] is 0. */
int fetch_nearest(const struct fetch_request *request,
                  char chosen[CACHE_NAME_MAX + 32], struct hwckpt_error *error);

#endif
