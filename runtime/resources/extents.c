/* extents.c - see extents.h. */
#include "extents.h"

#include <string.h>

static bool is_zero(const char *block, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (block[i])
      return false;
  return true;
}

int extents_put(struct resource_sink *sink, uint32_t type, char *buffer,
                size_t length, uint64_t offset, struct hwckpt_error *error) {
  char *data = buffer + EXTENT_HEAD;
  for (size_t from = 0, to; from < length; from = to) {
    to = from;
    while (to < length &&
           !is_zero(data + to,
                    to + EXTENT_BLOCK < length ? EXTENT_BLOCK : length - to))
      to = to + EXTENT_BLOCK < length ? to + EXTENT_BLOCK : length;
    if (to == from) {
      to = from + EXTENT_BLOCK;
      continue;
    }
    uint64_t begin = offset + from;
    char *record = data + from - EXTENT_HEAD;
    memcpy(record, &begin, EXTENT_HEAD);
    int result = sink->put(sink, type, record, EXTENT_HEAD + to - from, error);
    if (result)
      return result;
  }
  return 0;
}
