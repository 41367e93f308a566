/* frames.c - reading frames: in batches of neighbours, checked before use.
 *
 * Frames stored as they are are read to where they are to be, and what of a
 * segment is not in the kernel's memory is read past it (O_DIRECT).
 *
 * Invariant: frame_reader_read() hands out no byte of a frame whose checksum
 * was not compared before.
 */
#include "codec.h"
#include "image.h"

#include <errno.h>
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
  /* With what else is in their first and last page. */
  if (buffer_reserve(reader->env, &reader->stored,
                     stored + (size_t)2 * CACHE_PAGE_SIZE) &&
      buffer_reserve(reader->env, &reader->raw, raw))
    return 0;
  return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "frame decoder",
                     "buffers of %zu bytes", stored + raw);
}

/* ---- reading ---- */

/* Where frames that follow each other are read from. */
struct source {
  struct place place;
  char file[FORMAT_FILE_MAX];
  int fd;
  int direct; /* of the same file, past the page cache; -1: not that way */
};

static uint64_t page_down(uint64_t offset) {
  return offset & ~(uint64_t)(CACHE_PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t offset) {
  return page_down(offset + CACHE_PAGE_SIZE - 1);
}

/* What is in memory is best copied from there; the rest, when it is read once
 * and put where it is to be, would only take memory from others on its way. Who
 * wants single frames gains by what the kernel reads ahead and keeps. */
static bool is_cached(const struct cache_io *io, int fd, uint64_t begin,
                      uint64_t end) {
  uint64_t pages = (page_up(end) - page_down(begin)) / CACHE_PAGE_SIZE;
  long cached =
      io->cached(fd, page_down(begin), page_up(end) - page_down(begin));
  return cached < 0 || (uint64_t)cached > pages / 2;
}

static int find_source(struct frame_reader *reader, const struct image *image,
                       const struct format_frame *frames, uint64_t end,
                       struct source *source, struct hwckpt_error *error) {
  source->place = image_place(image);
  source->fd = image->fd;
  source->direct = -1;
  if (frames[0].segment == 0)
    return 0;
  bool own = !image_is_in_log(image);
  format_segment_file(source->file, frames[0].segment);
  source->place.file = source->file;
  int result = segment_files_get(&reader->segments, own, frames[0].segment,
                                 &source->fd, error);
  if (!own && result == 0)
    source->place.application = reader->segments.log_of;
  if (result == 0 && (reader->from_flash ||
                      (reader->once && !is_cached(reader->env->io, source->fd,
                                                  frames[0].offset, end))))
    source->direct =
        segment_files_direct(&reader->segments, own, frames[0].segment);
  return result;
}

/* Whole pages past the page cache, as many as come. */
static size_t read_directly(const struct cache_io *io, int fd, void *into,
                            size_t length, uint64_t offset) {
  size_t done = 0;
  while (done < length) {
    long got = io->pread(fd, (char *)into + done, length - done, offset + done);
    if (got == -EINTR)
      continue;
    if (got <= 0)
      break;
    done += (size_t)got;
    if (got % CACHE_PAGE_SIZE != 0)
      break;
  }
  return done;
}

/* Reads [begin, end) of the file to `into`, which lies in its page as begin
 * does, and may be written from the begin of that page to the end of that of
 * `end`. What cannot be read directly, down to an error, is read the other
 * way. */
static int read_part(const struct frame_reader *reader,
                     const struct source *source, unsigned char *into,
                     uint64_t begin, uint64_t end, struct hwckpt_error *error) {
  uint64_t got = begin;
  if (source->direct >= 0) {
    uint64_t from = page_down(begin);
    got =
        from + read_directly(reader->env->io, source->direct,
                             into - (begin - from), page_up(end) - from, from);
    if (got >= end)
      return 0;
    if (got < begin)
      got = begin;
  }
  return io_read(&source->place, source->fd, into + (got - begin),
                 (size_t)(end - got), got, error);
}

/* Whether a frame is read to where it is to be. */
static bool in_place(const struct image *image,
                     const struct format_frame *frame,
                     const unsigned char *into) {
  return into && !image->header.encrypted && frame->stored == frame->raw &&
         frame->offset % CACHE_PAGE_SIZE == 0 &&
         (uintptr_t)into % CACHE_PAGE_SIZE == 0;
}

/* Where the stored bytes of each frame are read to: those that are in_place()
 * there, all others to the reader's memory, as they lie in the file. */
static void place_stored(const struct frame_reader *reader,
                         const struct image *image,
                         const struct format_frame *frames, unsigned count,
                         unsigned char *const into[FRAME_BATCH],
                         unsigned char *stored[FRAME_BATCH]) {
  unsigned char *all = reader->stored.data;
  for (unsigned i = 0; i < count; i++)
    stored[i] = into && in_place(image, &frames[i], into[i])
                    ? into[i]
                    : all + (frames[i].offset - page_down(frames[0].offset));
}

/* Reads the frames, as many at once as lie in memory as in the file. */
static int read_stored(const struct frame_reader *reader,
                       const struct source *source,
                       const struct format_frame *frames, unsigned count,
                       unsigned char *const stored[FRAME_BATCH],
                       struct hwckpt_error *error) {
  int result = 0;
  for (unsigned i = 0, last; i < count && result == 0; i = last + 1) {
    last = i;
    while (last + 1 < count &&
           (uintptr_t)stored[last + 1] - (uintptr_t)stored[i] ==
               frames[last + 1].offset - frames[i].offset)
      last++;
    result = read_part(reader, source, stored[i], frames[i].offset,
                       frames[last].offset + frames[last].stored, error);
  }
  return result;
}

/* ---- frames ---- */

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
  if (into && into != stored)
    memcpy(into, stored, frame->raw);
  return into ? into : stored;
}

static int fail_frame(const struct place *place, const struct image *image,
                      const struct format_frame *frame, const char *damage,
                      struct hwckpt_error *error) {
  return place_fail(place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                    "at byte %llu: frame of generation %llu %s",
                    (unsigned long long)frame->offset,
                    (unsigned long long)image->number, damage);
}

/* Unseals a frame: to where it is to be when it is not coded, else in its
 * place. *stored is where it lies then, *plain what is left of it to do. */
static int unseal(const struct image *image, bool is_pages,
                  const struct format_frame *frame, unsigned char **stored,
                  unsigned char *out, struct format_frame *plain,
                  struct hwckpt_error *error) {
  *plain = *frame;
  if (!image->header.encrypted)
    return 0;
  plain->stored -= CIPHER_MORE;
  unsigned char *to =
      plain->stored == frame->raw ? out : *stored + CIPHER_NONCE;
  int result = image_unseal(image, is_pages ? KEY_FRAME : KEY_RECORDS,
                            frame->offset, *stored, frame->stored, to, error);
  *stored = to;
  return result;
}

int frame_reader_read(struct frame_reader *reader, const struct image *image,
                      const struct image_index *index, uint64_t first,
                      unsigned count, unsigned char *const into[FRAME_BATCH],
                      const unsigned char *data[FRAME_BATCH],
                      struct hwckpt_error *error) {
  const struct format_frame *frames = index->frames + first;
  unsigned char *stored[FRAME_BATCH];
  struct source source;
  uint64_t begin = frames[0].offset;
  uint64_t end = frames[count - 1].offset + frames[count - 1].stored;
  size_t full = (size_t)image->commit.frame_pages * CACHE_PAGE_SIZE;
  int result =
      frame_reader_reserve(reader, (size_t)(end - begin), count * full, error);
  if (result == 0)
    result = find_source(reader, image, frames, end, &source, error);
  if (result < 0)
    return result;
  place_stored(reader, image, frames, count, into, stored);
  result = read_stored(reader, &source, frames, count, stored, error);

  for (unsigned i = 0; i < count && result == 0; i++) {
    unsigned char *raw = (unsigned char *)reader->raw.data + i * full;
    if (format_hash(stored[i], frames[i].stored) != frames[i].checksum)
      return fail_frame(&source.place, image, &frames[i],
                        "does not match its checksum", error);
    struct format_frame plain;
    unsigned char *to = into ? into[i] : NULL;
    result = unseal(image, first + i < image->commit.page_frames, &frames[i],
                    &stored[i], to ? to : raw, &plain, error);
    if (result < 0)
      return result;
    data[i] = put(reader->decoder, &plain, stored[i], to, raw);
    if (!data[i])
      return fail_frame(&source.place, image, &frames[i], "cannot be decoded",
                        error);
  }
  return result;
}
