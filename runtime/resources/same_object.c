/* same_object.c - see same_object.h.
 *
 * A program may have thousands of pipes, each of which is looked up: a table of
 * lists in scratch memory, one for each value of a hash, of indexes into the
 * facts and 1; 0 ends a list. */
#include "same_object.h"

#include <string.h>

struct table {
  uint32_t first[RESOURCE_DESCRIPTORS]; /* sink->object_lists of them */
  uint32_t next[RESOURCE_DESCRIPTORS];  /* one for each fact */
};
_Static_assert(sizeof(struct table) ==
                   RESOURCE_SCRATCH_STATUS - RESOURCE_SCRATCH_OBJECTS,
               "the table does not fit");

static struct table *table_of(const struct resource_sink *sink) {
  return (void *)((char *)sink->scratch + RESOURCE_SCRATCH_OBJECTS);
}

/* Neighbours in number are in lists of their own. */
static size_t list_of(const struct resource_sink *sink, uint64_t device,
                      uint64_t inode) {
  return (inode + device * 0x9e3779b1u) & (sink->object_lists - 1);
}

void same_object_index(struct resource_sink *sink) {
  struct table *table = table_of(sink);
  sink->object_lists = 1;
  while (sink->object_lists < sink->fact_count)
    sink->object_lists *= 2;
  memset(table->first, 0, sink->object_lists * sizeof(*table->first));
  for (size_t i = sink->fact_count; i-- > 0;) {
    const struct descriptor_fact *fact = &sink->facts[i];
    size_t list = list_of(sink, fact->device, fact->inode);
    table->next[i] = table->first[list];
    table->first[list] = (uint32_t)i + 1;
  }
}

bool same_object_next(const struct resource_sink *sink, uint64_t device,
                      uint64_t inode, size_t *index) {
  const struct table *table = table_of(sink);
  uint32_t at = *index == (size_t)-1
                    ? table->first[list_of(sink, device, inode)]
                    : table->next[*index];
  for (; at; at = table->next[at - 1]) {
    const struct descriptor_fact *fact = &sink->facts[at - 1];
    if (fact->device == device && fact->inode == inode) {
      *index = at - 1;
      return true;
    }
  }
  return false;
}

bool same_object_is_lower(const struct resource_sink *sink,
                          const Descriptor *message) {
  size_t i = (size_t)-1;
  return same_object_next(sink, message->device, message->inode, &i) &&
         sink->facts[i].number < message->number;
}
