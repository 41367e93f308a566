/* cipher.h - authenticated encryption of what lies in the cache, by libsodium:
 * XChaCha20-Poly1305 (crypto_aead_xchacha20poly1305_ietf).
 *
 * Nonces are random and the kernel's, made for each text anew: nothing of them
 * is in a checkpoint, so no program that comes back from one, nor two of them
 * at once, use one twice (24 bytes: 2^80 texts until two are the same with a
 * chance of 2^-32).
 *
 * No allocation, no lock, no state but which instructions the processor has,
 * which cipher_prepare() finds out.
 */
#ifndef HWCKPT_CACHE_CIPHER_H
#define HWCKPT_CACHE_CIPHER_H

#include "cache.h"

#define CIPHER_NONCE 24u
#define CIPHER_TAG 16u
#define CIPHER_MORE (CIPHER_NONCE + CIPHER_TAG) /* bytes, of what is sealed */

/* Before anything else here, and in a program that goes on elsewhere. */
void cipher_prepare(void);

/* Encrypts length bytes into room (length + CIPHER_MORE): nonce, text, tag.
 * data may be room + CIPHER_NONCE, else they do not overlap. `with` is bound
 * to the text: it must be the same for opening. 0, or a negative errno: no
 * random bytes. */
int cipher_seal(const struct cache_io *io, const struct cache_key *key,
                const void *with, size_t with_length, const void *data,
                size_t length, void *room);

/* Decrypts what is sealed, `length` bytes in all, into room (length -
 * CIPHER_MORE), which may be sealed + CIPHER_NONCE. False, and nothing in room:
 * it is not what was sealed with that key and bound to that. */
bool cipher_open(const struct cache_key *key, const void *with,
                 size_t with_length, const void *sealed, size_t length,
                 void *room);

/* Leaves nothing of a key or a text. */
void cipher_wipe(void *memory, size_t length);

#endif
