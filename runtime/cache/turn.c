/* turn.c - one application of a cache writes after the other, as far as they
 * ask: each then has the whole device, and the machine captures one at a time.
 *
 * The turn is a lock on the cache's directory, so it ends with whoever has it.
 * Invariant: nothing depends on it: who does not get it in time writes all the
 * same.
 */
#include "directory.h"
#include "io.h"

#include <errno.h>
#include <sys/file.h>

bool cache_turn_take(struct cache *cache) {
  return cache->env->io->flock(cache->fd, LOCK_EX | LOCK_NB) != -EWOULDBLOCK;
}

void cache_turn_end(struct cache *cache) {
  cache->env->io->flock(cache->fd, LOCK_UN);
}
