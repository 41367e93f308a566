/* since.c - what was written since a generation that another builds on: for
 * copies that are told only what is new. */
#include "reader.h"

static int visit_all(const struct spans *spans,
                     int (*visit)(uint64_t begin, uint64_t end, void *context),
                     void *context) {
  int result = 0;
  for (size_t i = 0; i < spans_count(spans) && result == 0; i++) {
    const struct span *span = &spans_at(spans)[i];
    result = visit(span->begin, span->end, context);
  }
  return result;
}

/* The generation's place in the chain; its length when it is not there. */
static size_t find_link(const struct cache_reader *reader, uint64_t number,
                        uint64_t identity) {
  size_t count = cache_reader_chain(reader), i = 0;
  while (i < count && (reader_link(reader, i)->number != number ||
                       reader_link(reader, i)->identity != identity))
    i++;
  return i;
}

int cache_reader_since(struct cache_reader *reader, uint64_t number,
                       uint64_t identity,
                       int (*visit)(uint64_t begin, uint64_t end,
                                    void *context),
                       void *context, bool *known, struct hwckpt_error *error) {
  size_t end = find_link(reader, number, identity);
  int result = 0;
  *known = end < cache_reader_chain(reader);
  for (size_t i = 0; *known && i < end && result == 0; i++) {
    const struct image_index *index = &reader_link(reader, i)->index;
    result = reader_load_index(reader, i, error);
    if (result == 0)
      result = visit_all(&index->extents, visit, context);
    if (result == 0)
      result = visit_all(&index->holes, visit, context);
  }
  return result;
}
