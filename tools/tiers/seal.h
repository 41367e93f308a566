/* seal.h - authenticated encryption of streams, by libsodium.
 *
 * The user's key wraps a key of the stream's own, which encrypts its chunks
 * with XChaCha20-Poly1305. Nonces are keyed digests (BLAKE2b) of what they are
 * used for, and the stream's key is one of what it is of: the same generation
 * gives the same bytes, so that what was cut off can be gone on with, and no
 * nonce serves two different texts. What that tells: that two copies of one
 * generation, or two chunks at the same place of them, are the same.
 */
#ifndef HWCKPT_TIERS_SEAL_H
#define HWCKPT_TIERS_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY 32u
#define SEAL_NONCE 24u
#define SEAL_TAG 16u
#define SEAL_MORE (SEAL_NONCE + SEAL_TAG) /* bytes, of what is encrypted */

struct seal_key {
  unsigned char bytes[SEAL_KEY];
};

/* The key of a stream, wrapped: what lies behind its head. */
struct seal_wrapped {
  unsigned char nonce[SEAL_NONCE];
  unsigned char box[SEAL_KEY + SEAL_TAG];
  uint64_t checksum; /* XXH3 of the above: damage is no wrong key */
};

/* The key of the stream of what `of` says. */
void seal_derive(const struct seal_key *key, const void *of, size_t length,
                 struct seal_key *stream);
void seal_wrap(const struct seal_key *key, const struct seal_key *stream,
               struct seal_wrapped *wrapped);
/* False: it was wrapped with another. */
bool seal_unwrap(const struct seal_key *key, const struct seal_wrapped *wrapped,
                 struct seal_key *stream);
bool seal_is_whole(const struct seal_wrapped *wrapped);

/* Encrypts length bytes into room (length + SEAL_MORE); `with` is what they
 * belong to, and is not encrypted. */
void seal_encrypt(const struct seal_key *stream, const void *with,
                  size_t with_length, const void *data, size_t length,
                  void *room);
/* Decrypts length bytes (SEAL_MORE and more) into room; false: they are not
 * what was encrypted with that key. */
bool seal_decrypt(const struct seal_key *stream, const void *with,
                  size_t with_length, const void *data, size_t length,
                  void *room);

/* Leaves nothing of a key. */
void seal_forget(struct seal_key *key);

#endif
