/* cipher.c - see cipher.h. */
#include "cipher.h"

#include <errno.h>
#include <sodium.h>

_Static_assert(CACHE_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
                   CIPHER_NONCE ==
                       crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
                   CIPHER_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "what libsodium has");

/* Of libsodium's own: sodium_init() calls them, once, under libc's locks. */
int _sodium_runtime_get_cpu_features(void);
int _crypto_stream_chacha20_pick_best_implementation(void);
int _crypto_onetimeauth_poly1305_pick_best_implementation(void);

void cipher_prepare(void) {
  _sodium_runtime_get_cpu_features();
  _crypto_stream_chacha20_pick_best_implementation();
  _crypto_onetimeauth_poly1305_pick_best_implementation();
}

int cipher_seal(const struct cache_io *io, const struct cache_key *key,
                const void *with, size_t with_length, const void *data,
                size_t length, void *room) {
  unsigned char *nonce = room;
  long got = io->getrandom(nonce, CIPHER_NONCE);
  if (got != (long)CIPHER_NONCE)
    return got < 0 ? (int)got : -EIO;
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + CIPHER_NONCE, NULL, data,
                                             length, with, with_length, NULL,
                                             nonce, key->bytes);
  return 0;
}

bool cipher_open(const struct cache_key *key, const void *with,
                 size_t with_length, const void *sealed, size_t length,
                 void *room) {
  const unsigned char *nonce = sealed;
  return length >= CIPHER_MORE &&
         crypto_aead_xchacha20poly1305_ietf_decrypt(
             room, NULL, NULL, nonce + CIPHER_NONCE, length - CIPHER_NONCE,
             with, with_length, nonce, key->bytes) == 0;
}

void cipher_wipe(void *memory, size_t length) {
  sodium_memzero(memory, length);
}
