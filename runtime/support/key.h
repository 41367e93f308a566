/* key.h - the key of the program's checkpoints, and opening caches with it.
 *
 * Invariant: the key is in private memory alone, which no checkpoint contains,
 * and which is in no core dump from before it comes.
 */
#ifndef HWCKPT_SUPPORT_KEY_H
#define HWCKPT_SUPPORT_KEY_H

#include "../cache/cache.h"

/* Where the key is to be had: options, each empty where it is not given. They
 * are not copied. */
struct key_place {
  const char *tool;           /* number of the socket (key_abi.h): before all */
  const char *file, *command; /* of the user's, in a program of no tool */
  const char *directory;      /* that the command begins in */
};

/* At start-up, after a restore, in a forked child. */
void key_is_at(const struct key_place *place);

/* cache_open(), with the program's key where it has one; KEY_NOT_HANDED,
 * KEY_SOURCE. On a thread of the runtime's. */
int key_open_cache(const char *path, bool create, struct cache **cache,
                   struct hwckpt_error *error);

#endif
