/* All that a key is read from, from a stranger: the user's secret, the file
 * `key` of an application, the key that wraps a stream's, what the key service
 * says. None of it is taken for one that our key has wrapped, but those that it
 * has; nor is one of those with a bit changed.
 *
 * Input: u8 which, its bytes.
 */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"

#include "runtime/cache/keys.h"
#include "runtime/cache/secret.h"
#include "runtime/support/key_abi.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cache_key ours = {"the user's key, of 32 bytes"};

/* A copy that ends where the bytes do, for AddressSanitizer. */
static uint8_t *copy_of(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size ? size : 1);
  if (size)
    memcpy(copy, data, size);
  return copy;
}

static void read_secret(const uint8_t *data, size_t size) {
  struct cache_key key, again;
  uint8_t *copy = copy_of(data, size);
  bool taken = secret_to_key(copy, size, &key);
  if (taken != (size >= SECRET_MIN && size <= SECRET_MAX))
    abort();
  if (taken) {
    copy[size / 2] ^= 1;
    if (!secret_to_key(copy, size, &again) ||
        !memcmp(key.bytes, again.bytes, sizeof key.bytes))
      abort();
  }
  free(copy);
}

/* ---- the file of an application ---- */

static struct cache *cache_with_key(void) {
  memory_reset();
  struct cache *cache = memory_cache();
  cache_set_key(cache, &ours, true);
  memory_put(false, MEMORY_APPLICATION, "", 0);
  return cache;
}

/* Whether what is there is taken for the application's. */
static bool is_taken(struct cache *cache) {
  const struct cache_key *key;
  return !keys_to_write(cache, MEMORY_APPLICATION, &key, NULL) && key;
}

static const uint8_t *whole_file(size_t *length) {
  static uint8_t bytes[512];
  static size_t known;
  if (!known) {
    struct cache *cache = cache_with_key();
    if (keys_make(cache, MEMORY_APPLICATION, NULL) < 0 || !is_taken(cache))
      abort();
    const unsigned char *file = memory_get(true, "key", &known);
    if (!file || known > sizeof bytes)
      abort();
    memcpy(bytes, file, known);
    cache_close(cache);
  }
  *length = known;
  return bytes;
}

static void try_file(const uint8_t *data, size_t size) {
  size_t length;
  const uint8_t *whole = whole_file(&length);
  bool same = size == length && !memcmp(data, whole, size);
  struct cache *cache = cache_with_key();
  bool encrypted;
  memory_put(true, "key", data, size);
  if (is_taken(cache) != same)
    abort();
  cache_is_encrypted(cache, MEMORY_APPLICATION, &encrypted, NULL);
  if ((cache_rekey(cache, MEMORY_APPLICATION, &ours, NULL) == 0) != same)
    abort();
  cache_close(cache);
}

/* As it is, and with its checksum made right; the fields that are not encrypted
 * may then be written otherwise, with the same content. */
static void read_file(const uint8_t *data, size_t size) {
  uint8_t *copy = copy_of(data, size);
  try_file(copy, size);
  reseal_tag(copy, size);
  struct cache *cache = cache_with_key();
  const struct cache_key *key;
  memory_put(true, "key", copy, size);
  if (!keys_to_write(cache, MEMORY_APPLICATION, &key, NULL) && key) {
    size_t length;
    const uint8_t *whole = whole_file(&length);
    if (!memmem(copy, size, whole + length - 72, 72))
      abort(); /* nonce, key and tag are others */
  }
  cache_close(cache);
  free(copy);
}

/* The file with bits of the wrapped key changed: place and bits, any number. */
static void alter_file(const uint8_t *data, size_t size) {
  size_t length;
  const uint8_t *whole = whole_file(&length);
  uint8_t *copy = copy_of(whole, length);
  for (size_t i = 0; i + 2 <= size; i += 2)
    copy[data[i] % length] ^= data[i + 1];
  reseal_tag(copy, length);
  struct cache *cache = cache_with_key();
  memory_put(true, "key", copy, length);
  if (is_taken(cache) && memcmp(copy + length - 72, whole + length - 72, 72))
    abort();
  cache_close(cache);
  free(copy);
}

/* ---- of a stream ---- */

static void read_wrapped(const uint8_t *data, size_t size) {
  const struct seal_key user = {"user"}, other = {"other"},
                        stream = {"a stream's"};
  struct seal_wrapped right, wrapped = {.checksum = 0};
  struct seal_key got;
  seal_wrap(&user, &stream, &right);
  memcpy(&wrapped, data, size < sizeof wrapped ? size : sizeof wrapped);
  (void)seal_is_whole(&wrapped);
  if (seal_unwrap(&user, &wrapped, &got) &&
      memcmp(&wrapped, &right, offsetof(struct seal_wrapped, checksum)))
    abort();
  wrapped = right;
  for (size_t i = 0; i + 2 <= size; i += 2)
    ((uint8_t *)&wrapped)[data[i] % offsetof(struct seal_wrapped, checksum)] ^=
        data[i + 1];
  bool same =
      !memcmp(&wrapped, &right, offsetof(struct seal_wrapped, checksum));
  if (seal_unwrap(&user, &wrapped, &got) != same ||
      seal_unwrap(&other, &wrapped, &got) || seal_is_whole(&wrapped) != same)
    abort();
}

/* ---- of the key service ---- */

static void read_message(const uint8_t *data, size_t size) {
  struct key_message message = {.magic = 0};
  memcpy(&message, data, size < sizeof message ? size : sizeof message);
  bool whole = key_message_is_whole(&message, size);
  if (whole != (size == sizeof message && !memcmp(data, "hckptkey", 8)))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const readers[])(const uint8_t *, size_t) = {
      read_secret, read_file, alter_file, read_wrapped, read_message};
  if (size)
    readers[data[0] % (sizeof readers / sizeof *readers)](data + 1, size - 1);
  return 0;
}
