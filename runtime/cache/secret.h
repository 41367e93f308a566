/* secret.h - a key from what the user keeps of it: the content of a key file,
 * or what a key command writes. */
#ifndef HWCKPT_CACHE_SECRET_H
#define HWCKPT_CACHE_SECRET_H

#include "cache.h"

#define SECRET_MIN 32u
#define SECRET_MAX 4096u

/* False, and no key: it has not SECRET_MIN to SECRET_MAX bytes. The same secret
 * is the same key everywhere: BLAKE2b of its length and its bytes. */
bool secret_to_key(const void *secret, size_t length, struct cache_key *key);

#endif
