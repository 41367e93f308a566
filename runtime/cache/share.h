/* share.h - an application's part of the room that those of a cache have
 * together. */
#ifndef HWCKPT_CACHE_SHARE_H
#define HWCKPT_CACHE_SHARE_H

#include "directory.h"

#define SHARE_WEIGHT_MAX 1000000u

/* The bytes that the application may take by what `retention` says, 0: no
 * limit; keeps its weight for the others. `directory` is its own. */
int share_of(struct cache *cache, const char *application, int directory,
             const struct cache_retention *retention, uint64_t *quota,
             struct hwckpt_error *error);

#endif
