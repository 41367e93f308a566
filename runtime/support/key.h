/* key.h - the key of the program's checkpoints, and opening caches with it.
 *
 * Invariant: the key is in private memory alone, which no checkpoint contains,
 * and which is in no core dump from before it comes.
 */
#ifndef HWCKPT_SUPPORT_KEY_H
#define HWCKPT_SUPPORT_KEY_H

#include "../cache/cache.h"

/* Where the key is to be had: the text of the option `key`; "": there is none.
 * At start-up, after a restore, in a forked child. */
void key_is_at(const char *option);

/* cache_open(), with the program's key where it has one; KEY_NOT_HANDED. On a
 * thread of the runtime's. */
int key_open_cache(const char *path, bool create, struct cache **cache,
                   struct hwckpt_error *error);

#endif
