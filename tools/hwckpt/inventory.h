/* inventory.h - what is in a cache, read out before anything is done with it:
 * while the cache walks over its directories it is not asked other things. */
#ifndef HWCKPT_INVENTORY_H
#define HWCKPT_INVENTORY_H

#include "runtime/cache/cache.h"

struct inventory_generation {
  struct cache_generation info;
  int damage; /* a code of errors.def, 0: none */
};

/* All applications, in the order of their names; *list is the caller's to
 * free. Fails as the cache does, or with HWCKPT_E_RESTORE_MEMORY. */
int inventory_applications(struct cache *cache, struct cache_application **list,
                           size_t *count, struct hwckpt_error *error);

/* All generations of one, ascending; as above. */
int inventory_generations(struct cache *cache, const char *application,
                          struct inventory_generation **list, size_t *count,
                          struct hwckpt_error *error);

#endif
