/* secret.c - see secret.h. */
#include "secret.h"

#include "cipher.h"

#include <sodium.h>

/* What the digest is for; tools/tiers/seal.c has others. */
#define USE_KEY 'k'

bool secret_to_key(const void *secret, size_t length, struct cache_key *key) {
  const unsigned char head[1] = {USE_KEY};
  const uint64_t bytes = length;
  crypto_generichash_state state;
  if (length < SECRET_MIN || length > SECRET_MAX)
    return false;
  crypto_generichash_init(&state, NULL, 0, sizeof(key->bytes));
  crypto_generichash_update(&state, head, sizeof(head));
  crypto_generichash_update(&state, (const unsigned char *)&bytes,
                            sizeof(bytes));
  crypto_generichash_update(&state, secret, length);
  crypto_generichash_final(&state, key->bytes, sizeof(key->bytes));
  cipher_wipe(&state, sizeof(state));
  return true;
}
