/* An undo log from a stranger, once as it is, once with its checksums made
 * right: what is decoded lies in the log, and encoded again it is the same.
 */
#include "../Inputs/memory_io.h"
#include "../Inputs/reseal.h"

#include "runtime/cache/undo_log.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  memory_reset();
  try(data, size);
  uint8_t *copy = malloc(size ? size : 1);
  if (size)
    memcpy(copy, data, size);
  reseal_undo(copy, size);
  memory_reset();
  try(copy, size);
  free(copy);
  return 0;
}
