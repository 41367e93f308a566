/* saved_object.c - see saved_object.h.
 *
 * A program may have thousands of pipes, each of which is looked up, and to
 * decode a record takes a microsecond: they are all decoded once. The table is
 * in scratch memory, where a checkpoint has its facts: lists, one for each
 * value of a hash, of rows; 0 ends a list, a row's number is one more. */
#include "saved_object.h"

#include "../support/record_types.h"

#include <string.h>

#define LISTS 65536u

struct row {
  uint64_t inode;
  uint32_t record, next;
};

struct table {
  uint32_t first[LISTS];
  uint32_t count;
  struct row rows[];
};
#define ROWS                                                                   \
  ((RESOURCE_SCRATCH_ORDER - RESOURCE_SCRATCH_FACTS - sizeof(struct table)) /  \
   sizeof(struct row))
_Static_assert(ROWS > 2 * RESOURCE_DESCRIPTORS,
               "those on their way in sockets have rows, too");

static struct table *table_of(const struct resource_source *source) {
  return (void *)((char *)source->scratch + RESOURCE_SCRATCH_FACTS);
}

/* From the last to the first, so that lists ascend. */
static void index_all(struct resource_source *source, Descriptor *message) {
  struct table *table = table_of(source);
  memset(table, 0, sizeof(*table));
  for (size_t i = source->count; i-- > 0 && table->count < ROWS;) {
    if (source->records[i].type != RECORD_DESCRIPTOR ||
        resource_get(&source->records[i], Descriptor_fields, message, 0))
      continue;
    uint32_t *first = &table->first[message->inode % LISTS];
    table->rows[table->count] =
        (struct row){message->inode, (uint32_t)i, *first};
    *first = ++table->count;
  }
  source->indexed = true;
}

bool saved_object_next(struct resource_source *source, uint64_t inode,
                       size_t *index, Descriptor *message) {
  if (!source->indexed)
    index_all(source, message);
  const struct table *table = table_of(source);
  for (uint32_t at = table->first[inode % LISTS]; at;) {
    const struct row *row = &table->rows[at - 1];
    at = row->next;
    if (row->inode != inode ||
        (*index != (size_t)-1 && row->record <= *index) ||
        resource_get(&source->records[row->record], Descriptor_fields, message,
                     0))
      continue;
    *index = row->record;
    return true;
  }
  return false;
}

void saved_object_forget(struct resource_source *source) {
  source->indexed = false;
}
