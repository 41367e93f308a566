/* frames.c - reading frames: in batches of neighbours, checked before use.
 *
 * Invariant: frame_reader_read() hands out no byte of a frame whose checksum
 * was not compared before.
 */
#include "codec.h"
#include "image.h"

#include <string.h>

int frame_reader_open(struct frame_reader *reader, const struct cache_env *env,
                      struct hwckpt_error *error) {
  memset(reader, 0, sizeof(*reader));
  reader->env = env;
  reader->workspace_size = codec_decoder_size();
  reader->workspace = env->map(reader->workspace_size);
  if (!reader->workspace)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "frame decoder",
                       "%zu bytes", reader->workspace_size);
  return 0;
}

void frame_reader_close(struct frame_reader *reader) {
  if (reader->workspace)
    reader->env->unmap(reader->workspace, reader->workspace_size);
  buffer_free(reader->env, &reader->stored);
  buffer_free(reader->env, &reader->raw);
}

int frame_reader_reserve(struct frame_reader *reader, size_t stored, size_t raw,
                         struct hwckpt_error *error) {
  if (buffer_reserve(reader->env, &reader->stored, stored) &&
      buffer_reserve(reader->env, &reader->raw, raw))
    return 0;
  return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "frame decoder",
                     "buffers of %zu bytes", stored + raw);
}

/* Puts a frame that matches its checksum where it is to be; null: it cannot be
 * decoded. */
static const unsigned char *put(struct decoder *decoder,
                                const struct format_frame *frame,
                                const unsigned char *stored,
                                unsigned char *into, unsigned char *raw) {
  unsigned char *out = into ? into : raw;
  if (frame->stored != frame->raw)
    return decoder && decoder_decode(decoder, out, frame->raw, stored,
                                     frame->stored)
               ? out
               : NULL;
  if (!into)
    return stored;
  memcpy(into, stored, frame->raw);
  return into;
}

int frame_reader_read(struct frame_reader *reader, const struct image *image,
                      const struct image_index *index, uint64_t first,
                      unsigned count, unsigned char *const into[FRAME_BATCH],
                      const unsigned char *data[FRAME_BATCH],
                      struct hwckpt_error *error) {
  struct place place = image_place(image);
  size_t full = (size_t)image->commit.frame_pages * CACHE_PAGE_SIZE;
  uint64_t begin = index_frame_offset(index, first);
  size_t length = (size_t)(index_frame_offset(index, first + count) - begin);
  int result = frame_reader_reserve(reader, length, count * full, error);
  if (result == 0)
    result =
        io_read(&place, image->fd, reader->stored.data, length, begin, error);
  if (result < 0)
    return result;

  struct decoder *decoder =
      decoder_init(reader->workspace, reader->workspace_size);
  for (unsigned i = 0; i < count; i++) {
    const struct format_frame *frame = &index->frames[first + i];
    uint64_t at = index_frame_offset(index, first + i);
    const unsigned char *stored =
        (const unsigned char *)reader->stored.data + (at - begin);
    if (format_hash(stored, frame->stored) != frame->checksum)
      return place_damaged(&place, error, at,
                           "frame does not match its checksum");
    unsigned char *raw = (unsigned char *)reader->raw.data + i * full;
    data[i] = put(decoder, frame, stored, into ? into[i] : NULL, raw);
    if (!data[i])
      return place_damaged(&place, error, at, "frame cannot be decoded");
  }
  return 0;
}
