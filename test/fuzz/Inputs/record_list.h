/* record_list.h - the records of a generation as a fuzzer writes them: u8 type,
 * u16 length (little endian), that many bytes, and the next. What is cut off is
 * as long as there is.
 */
#ifndef HWCKPT_TEST_RECORD_LIST_H
#define HWCKPT_TEST_RECORD_LIST_H

#include "runtime/resources/resource.h"

#define RECORD_LIST_MAX 256u

struct record_list {
  struct resource_record record[RECORD_LIST_MAX]; /* memory of their own */
  size_t count;
};

/* Each record's bytes are a block of exactly their size, so that a sanitizer
 * sees its end. Freed by record_list_free(). */
void record_list_read(struct record_list *list, const uint8_t *data,
                      size_t size);
void record_list_free(struct record_list *list);

/* Makes them generation `number` (0: whichever it is) of MEMORY_APPLICATION (memory_io.h), a base
 * without pages. */
struct cache;
void record_list_write(const struct record_list *list, struct cache *cache,
                       uint64_t number);

#endif
