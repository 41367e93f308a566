/* An undo log from a stranger, once as it is, once with its checksums made
 * right: what is decoded lies in the log, and encoded again it is the same. So
 * it is as the log of an encrypted application, of which nothing is believed
 * that was not encrypted with its key, and its records encrypted are what they
 * were.
 */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"

#include "runtime/cache/undo_seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(const void *part, size_t length, const uint8_t *data,
                    size_t size) {
  const uint8_t *at = part;
  return length == 0 || (at >= data && at <= data + size &&
                         length <= (size_t)(data + size - at));
}

static void decode(const uint8_t *data, size_t size) {
  struct undo_record record;
  char head[UNDO_HEAD];
  size_t at = 0;
  for (size_t before = 0; undo_decode(data, size, &at, &record) == 1;
       before = at) {
    size_t path = *record.path ? strlen(record.path) + 1 : 0;
    if (at <= before || at > size || path > UNDO_PATH_MAX ||
        record.length > UNDO_DATA_MAX ||
        !lies_in(record.path, path, data, size) ||
        !lies_in(record.data, record.length, data, size))
      abort();
    if (undo_encode(&record, head) != at - before ||
        memcmp(head, data + before, sizeof head) != 0)
      abort();
  }
}

static int visit(uint64_t number, const void *log, size_t length,
                 void *context) {
  (void)number;
  (void)context;
  decode(log, length);
  return 0;
}

static void try(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size ? size : 1); /* a sanitizer guards its end */
  if (size)
    memcpy(copy, data, size);
  decode(copy, size);
  free(copy);
  struct cache *cache = memory_cache();
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  if (cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) < 0 ||
      cache_commit(writer, NULL, NULL) < 0)
    abort();
  memory_put(true, "u0000000001.undo", data, size);
  cache_undo_each(cache, MEMORY_APPLICATION, visit, NULL, NULL);
  cache_undo_retain(cache, MEMORY_APPLICATION, NULL);
  cache_close(cache);
}

/* ---- of an encrypted application ---- */

static int count_records(uint64_t number, const void *log, size_t length,
                         void *context) {
  struct undo_record record;
  (void)number;
  for (size_t at = 0; undo_decode(log, length, &at, &record) == 1;) {
    size_t path = *record.path ? strlen(record.path) + 1 : 0;
    if (!lies_in(record.path, path, log, length) ||
        !lies_in(record.data, record.length, log, length) || at > length)
      abort();
    ++*(size_t *)context;
  }
  return 0;
}

static size_t count_in(struct cache *cache, const void *log, size_t length) {
  size_t count = 0;
  memory_put(true, "u0000000001.undo", log, length);
  cache_undo_each(cache, MEMORY_APPLICATION, count_records, &count, NULL);
  return count;
}

/* The records of a log, encrypted; how many they are. */
static size_t seal(const struct cache_key *key, const uint8_t *data,
                   size_t size, uint8_t **sealed, size_t *length) {
  const struct undo_sealing sealing = {.key = key, .number = 1};
  struct undo_record record;
  size_t count = 0;
  uint8_t *room = malloc(UNDO_ROOM);
  *length = 0;
  *sealed = malloc(1);
  for (size_t at = 0; undo_decode(data, size, &at, &record) == 1; count++) {
    size_t more = undo_seal(memory_env.io, &sealing, *length, &record, room);
    *sealed = realloc(*sealed, *length + more);
    if (!more || !*sealed)
      abort();
    memcpy(*sealed + *length, room, more);
    *length += more;
  }
  free(room);
  return count;
}

static void try_encrypted(const uint8_t *data, size_t size) {
  static const struct cache_key ours = {"the user's key, of 32 bytes"};
  const struct cache_key *key;
  uint8_t *sealed;
  size_t length;
  memory_reset();
  struct cache *cache = memory_cache();
  cache_set_key(cache, &ours, true);
  memory_put(false, MEMORY_APPLICATION, "", 0);
  if (keys_make(cache, MEMORY_APPLICATION, NULL) < 0 ||
      keys_to_write(cache, MEMORY_APPLICATION, &key, NULL) < 0 ||
      count_in(cache, data, size))
    abort();
  size_t count = seal(key, data, size, &sealed, &length);
  if (count_in(cache, sealed, length) != count)
    abort();
  if (length) {
    sealed[data[0] % length] ^= 1;
    if (count_in(cache, sealed, length) >= count)
      abort();
  }
  free(sealed);
  cache_close(cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  memory_reset();
  try(data, size);
  try_encrypted(data, size);
  uint8_t *copy = malloc(size ? size : 1);
  if (size)
    memcpy(copy, data, size);
  reseal_undo(copy, size);
  memory_reset();
  try(copy, size);
  try_encrypted(copy, size);
  free(copy);
  return 0;
}
