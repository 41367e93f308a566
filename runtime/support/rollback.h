/* rollback.h - back to a generation within the running process.
 *
 * Everything that may fail is found out while nothing is changed yet; then the
 * program goes on as it was. What fails after that ends the process: the
 * generation is there for a restore. Invariant: no thread runs code on memory
 * of the program while that is put back.
 *
 * On the checkpoint thread.
 */
#ifndef HWCKPT_SUPPORT_ROLLBACK_H
#define HWCKPT_SUPPORT_ROLLBACK_H

#include "dirty.h"
#include "quiesce.h"

#include "../cache/cache.h"
#include "../resources/resource.h"

struct rollback_target {
  struct cache *cache;
  const char *application;
  uint64_t generation;
  const struct dirty *dirty;
  struct memory_map *map;
  bool all;            /* what was written since is not known */
  size_t staged_bytes; /* memory for pages that are read beforehand */
  unsigned uncounted;  /* rollbacks to here that the cache could not count */
  enum file_policy files;
  bool undo; /* what files held is in the undo logs */
};

struct rollback_result {
  uint32_t times;    /* the program came back to it, restores too */
  bool counted;      /* the cache has that number */
  uint64_t pages;    /* that got their content back */
  uint64_t pause_ns; /* from the stop until the threads go on */
};

int rollback_take(const struct rollback_target *target,
                  const struct quiesce_hooks *hooks,
                  struct rollback_result *result, struct hwckpt_error *error);

/* In the restored program: its stacks are gone. */
void rollback_forget(void);

#endif
