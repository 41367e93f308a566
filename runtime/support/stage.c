/* stage.c - see stage.h. */
#include "stage.h"

#include "private.h"

#include <pb_encode.h>
#include <string.h>

#define RECORDS_MAX ((size_t)64 << 20)

int stage_open(struct stage *stage, struct hwckpt_error *error) {
  memset(stage, 0, sizeof *stage);
  stage->records = private_map(RECORDS_MAX);
  if (!stage->records)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 12, "records",
                       "%zu bytes", RECORDS_MAX);
  return 0;
}

int stage_record(struct stage *stage, uint32_t type, const void *data,
                 size_t length, struct hwckpt_error *error) {
  uint32_t head[2] = {type, (uint32_t)length};
  if (length > RECORDS_MAX - sizeof head - stage->record_bytes)
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 0, "records",
                       "more than %zu bytes", RECORDS_MAX);
  memcpy(stage->records + stage->record_bytes, head, sizeof head);
  memcpy(stage->records + stage->record_bytes + sizeof head, data, length);
  stage->record_bytes += sizeof head + length;
  return 0;
}

int stage_message(struct stage *stage, uint32_t type,
                  const pb_msgdesc_t *fields, const void *message,
                  struct hwckpt_error *error) {
  static uint8_t bytes[16384];
  pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof bytes);
  if (!pb_encode(&stream, fields, message))
    return hwckpt_fail(error, HWCKPT_E_CAPTURE, 0, "record", "type %u: %s",
                       type, PB_GET_ERROR(&stream));
  return stage_record(stage, type, bytes, stream.bytes_written, error);
}

int stage_put(struct stage *stage, struct cache_writer *writer,
              struct hwckpt_error *error) {
  for (size_t at = 0; at < stage->record_bytes;) {
    uint32_t head[2];
    memcpy(head, stage->records + at, sizeof head);
    at += sizeof head;
    int result =
        cache_put_record(writer, head[0], stage->records + at, head[1], error);
    if (result < 0)
      return result;
    at += head[1];
  }
  return 0;
}

void stage_clear(struct stage *stage) { stage->record_bytes = 0; }
