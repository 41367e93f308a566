/* record_list.c - see record_list.h. */
#include "record_list.h"
#include "memory_io.h"

#include <stdlib.h>
#include <string.h>

void record_list_read(struct record_list *list, const uint8_t *data,
                      size_t size) {
  list->count = 0;
  while (size >= 3 && list->count < RECORD_LIST_MAX) {
    uint32_t length = data[1] | (uint32_t)data[2] << 8;
    if (length > size - 3)
      length = (uint32_t)(size - 3);
    void *bytes = malloc(length ? length : 1);
    if (!bytes)
      return;
    memcpy(bytes, data + 3, length);
    list->record[list->count++] =
        (struct resource_record){data[0], length, bytes};
    data += 3 + length;
    size -= 3 + length;
  }
}

void record_list_free(struct record_list *list) {
  for (size_t i = 0; i < list->count; i++)
    free((void *)list->record[i].data);
  list->count = 0;
}

void record_list_write(const struct record_list *list, struct cache *cache,
                       uint64_t number) {
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  struct cache_generation made;
  if (cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) < 0)
    abort();
  for (size_t i = 0; i < list->count; i++)
    if (cache_put_record(writer, list->record[i].type, list->record[i].data,
                         list->record[i].length, NULL) < 0)
      abort();
  if (cache_commit(writer, &made, NULL) < 0 || (number && made.number != number))
    abort();
}
