/* stage.h - memory that holds the records of a capture until they are written:
 * they are made while the program stands still, and follow all pages.
 */
#ifndef HWCKPT_SUPPORT_STAGE_H
#define HWCKPT_SUPPORT_STAGE_H

#include "../cache/cache.h"

#include <pb.h>

struct stage {
  char *records; /* type, length, bytes, ... */
  size_t record_bytes;
};

int stage_open(struct stage *stage, struct hwckpt_error *error);
int stage_record(struct stage *stage, uint32_t type, const void *data,
                 size_t length, struct hwckpt_error *error);
/* The same of a message, as records.proto has it. On one thread at a time. */
int stage_message(struct stage *stage, uint32_t type,
                  const pb_msgdesc_t *fields, const void *message,
                  struct hwckpt_error *error);
/* Puts the records to the writer, in order. */
int stage_put(struct stage *stage, struct cache_writer *writer,
              struct hwckpt_error *error);
void stage_clear(struct stage *stage);

#endif
