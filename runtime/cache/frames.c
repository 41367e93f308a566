/* frames.c - reading frames: in batches of neighbours, checked before use.
 *
 * Invariant: frame_reader_read() hands out no byte of a frame whose checksum
 * was not compared before.
 */
#include "codec.h"
#include "image.h"

#include <string.h>

int frame_reader_open(struct frame_reader *reader, struct cache *cache,
                      const char *application, int directory,
                      struct hwckpt_error *error) {
  memset(reader, 0, sizeof(*reader));
  reader->env = cache->env;
  segment_files_open(&reader->segments, cache, application, directory);
  reader->workspace_size = codec_decoder_size();
  reader->workspace = reader->env->map(reader->workspace_size);
  if (!reader->workspace)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "frame decoder",
                       "%zu bytes", reader->workspace_size);
  reader->decoder = decoder_init(reader->workspace, reader->workspace_size);
  return 0;
}

void frame_reader_close(struct frame_reader *reader) {
  if (reader->workspace)
    reader->env->unmap(reader->workspace, reader->workspace_size);
  segment_files_close(&reader->segments);
  buffer_free(reader->env, &reader->stored);
  buffer_free(reader->env, &reader->raw);
}

/* Frames stored as they are begin at whole pages: between two that follow each
 * other lies less than a page. */
bool frame_follows(const struct format_frame *frame,
                   const struct format_frame *next) {
  uint64_t end = frame->offset + frame->stored;
  return frame->segment == next->segment && next->offset >= end &&
         next->offset - end < CACHE_PAGE_SIZE;
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

static int fail_frame(const struct place *place, const struct image *image,
                      const struct format_frame *frame, const char *damage,
                      struct hwckpt_error *error) {
  return place_fail(place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                    "at byte %llu: frame of generation %llu %s",
                    (unsigned long long)frame->offset,
                    (unsigned long long)image->number, damage);
}

/* Reads the bytes of frames that follow each other. */
static int read_stored(struct frame_reader *reader, const struct image *image,
                       const struct format_frame *frames, size_t length,
                       struct place *place, struct hwckpt_error *error) {
  int fd = image->fd;
  int result = 0;
  if (frames[0].segment)
    result =
        segment_files_get(&reader->segments, frames[0].segment, &fd, error);
  return result < 0 ? result
                    : io_read(place, fd, reader->stored.data, length,
                              frames[0].offset, error);
}

int frame_reader_read(struct frame_reader *reader, const struct image *image,
                      const struct image_index *index, uint64_t first,
                      unsigned count, unsigned char *const into[FRAME_BATCH],
                      const unsigned char *data[FRAME_BATCH],
                      struct hwckpt_error *error) {
  const struct format_frame *frames = index->frames + first;
  struct place place = image_place(image);
  char file[FORMAT_FILE_MAX];
  uint64_t begin = frames[0].offset;
  size_t length =
      (size_t)(frames[count - 1].offset + frames[count - 1].stored - begin);
  size_t full = (size_t)image->commit.frame_pages * CACHE_PAGE_SIZE;
  if (frames[0].segment) {
    format_segment_file(file, frames[0].segment);
    place.file = file;
  }
  int result = frame_reader_reserve(reader, length, count * full, error);
  if (result == 0)
    result = read_stored(reader, image, frames, length, &place, error);

  for (unsigned i = 0; i < count && result == 0; i++) {
    const unsigned char *stored =
        (const unsigned char *)reader->stored.data + (frames[i].offset - begin);
    unsigned char *raw = (unsigned char *)reader->raw.data + i * full;
    if (format_hash(stored, frames[i].stored) != frames[i].checksum)
      return fail_frame(&place, image, &frames[i],
                        "does not match its checksum", error);
    data[i] =
        put(reader->decoder, &frames[i], stored, into ? into[i] : NULL, raw);
    if (!data[i])
      return fail_frame(&place, image, &frames[i], "cannot be decoded", error);
  }
  return result;
}
