/* seal.c - authenticated encryption of streams. */
#include "seal.h"

#include <sodium.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(SEAL_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
                   SEAL_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
                   SEAL_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "what libsodium has");

/* What a digest is for: none of one use is one of another; 'k' is of
 * runtime/cache/secret.c. */
enum use { USE_STREAM = 's', USE_WRAP = 'w', USE_CHUNK = 'c' };

static void digest(enum use use, const unsigned char *key, size_t key_length,
                   const void *one, size_t one_length, const void *other,
                   size_t other_length, unsigned char *out, size_t out_length) {
  const unsigned char head[1] = {(unsigned char)use};
  const uint64_t length = one_length;
  crypto_generichash_state state;
  crypto_generichash_init(&state, key, key_length, out_length);
  crypto_generichash_update(&state, head, sizeof head);
  crypto_generichash_update(&state, (const unsigned char *)&length,
                            sizeof length);
  crypto_generichash_update(&state, one, one_length);
  crypto_generichash_update(&state, other, other_length);
  crypto_generichash_final(&state, out, out_length);
  sodium_memzero(&state, sizeof state);
}

void seal_derive(const struct seal_key *key, const void *of, size_t length,
                 struct seal_key *stream) {
  (void)!sodium_init(); /* what of it is fast here; once */
  digest(USE_STREAM, key->bytes, SEAL_KEY, of, length, "", 0, stream->bytes,
         sizeof stream->bytes);
}

static uint64_t sum(const struct seal_wrapped *wrapped) {
  return XXH3_64bits(wrapped, offsetof(struct seal_wrapped, checksum));
}

void seal_wrap(const struct seal_key *key, const struct seal_key *stream,
               struct seal_wrapped *wrapped) {
  digest(USE_WRAP, key->bytes, SEAL_KEY, stream->bytes, sizeof stream->bytes,
         "", 0, wrapped->nonce, sizeof wrapped->nonce);
  crypto_aead_xchacha20poly1305_ietf_encrypt(wrapped->box, NULL, stream->bytes,
                                             sizeof stream->bytes, NULL, 0,
                                             NULL, wrapped->nonce, key->bytes);
  wrapped->checksum = sum(wrapped);
}

bool seal_unwrap(const struct seal_key *key, const struct seal_wrapped *wrapped,
                 struct seal_key *stream) {
  (void)!sodium_init();
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             stream->bytes, NULL, NULL, wrapped->box, sizeof wrapped->box, NULL,
             0, wrapped->nonce, key->bytes) == 0;
}

bool seal_is_whole(const struct seal_wrapped *wrapped) {
  return wrapped->checksum == sum(wrapped);
}

void seal_encrypt(const struct seal_key *stream, const void *with,
                  size_t with_length, const void *data, size_t length,
                  void *room) {
  unsigned char *nonce = room;
  digest(USE_CHUNK, stream->bytes, SEAL_KEY, with, with_length, data, length,
         nonce, SEAL_NONCE);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + SEAL_NONCE, NULL, data,
                                             length, with, with_length, NULL,
                                             nonce, stream->bytes);
}

bool seal_decrypt(const struct seal_key *stream, const void *with,
                  size_t with_length, const void *data, size_t length,
                  void *room) {
  const unsigned char *nonce = data;
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             room, NULL, NULL, nonce + SEAL_NONCE, length - SEAL_NONCE, with,
             with_length, nonce, stream->bytes) == 0;
}

void seal_forget(struct seal_key *key) { sodium_memzero(key, sizeof *key); }
