/* keys.h - the keys of encrypted applications: each has one of its own, random,
 * which lies in its directory, wrapped with the user's. Its parts have the
 * same.
 *
 * Invariant: a key is made under the writer's lock, where there is none, and
 * before the first generation; from then on the file is replaced as a whole, by
 * one that holds the same key. So no generation is ever without its key.
 */
#ifndef HWCKPT_CACHE_KEYS_H
#define HWCKPT_CACHE_KEYS_H

#include "directory.h"

struct known_key;

/* Makes the application's key, where the cache has the user's; one that is
 * there must be wrapped with that. */
int keys_make(struct cache *cache, const char *application,
              struct hwckpt_error *error);

/* The key to write with; *key is null where nothing is encrypted. It lives as
 * long as the cache. */
int keys_to_write(struct cache *cache, const char *name,
                  const struct cache_key **key, struct hwckpt_error *error);

/* The key to read with; null also where the cache has none of the user's. Safe
 * in several threads when it was asked for once. */
int keys_to_read(struct cache *cache, const char *name,
                 const struct cache_key **key, struct hwckpt_error *error);

void keys_forget(struct cache *cache);

/* What a sealed text is bound to, besides the key; every use has its own. */
enum key_use {
  KEY_FRAME = 'f', /* of pages: the index says which one lies where */
  KEY_RECORDS = 'r',
  KEY_INDEX = 'i',
  KEY_HASHES = 'h',
  KEY_UNDO = 'u',    /* number: of the log; identity: place in it */
  KEY_CONTENT = 'p', /* what is published of one that is being written */
  KEY_WRAP = 'k',    /* followed by the application's name */
};
struct key_bound {
  uint64_t use;
  uint64_t number, identity; /* of the generation; 0: of any */
};

#endif
