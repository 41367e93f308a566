/* pages.c - what becomes of the pages of a generation: those whose content the
 * log has are referred to, all others are collected in frames, in the order
 * they come, whatever their addresses, so that scattered pages are coded as
 * well as contiguous ones.
 */
#include "writer.h"

#include <errno.h>
#include <string.h>

#define NO_FRAME UINT32_MAX

static struct content *content_of(const struct cache_writer *writer) {
  return &writer->session->content;
}

static const struct cache_env *env_of(const struct cache_writer *writer) {
  return writer->cache->env;
}

/* ---- frames ---- */

int writer_add_frame(struct cache_writer *writer,
                     const struct format_frame *frame, uint32_t *index,
                     struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  size_t count = writer->frames.length / sizeof(*frame);
  if (count >= FORMAT_SLOTS_MAX / FORMAT_FRAME_PAGES)
    return writer->failed = place_fail(&place, error, HWCKPT_E_CAPTURE, EFBIG,
                                       "more than %llu pages in one generation",
                                       (unsigned long long)FORMAT_SLOTS_MAX);
  *index = (uint32_t)count;
  return buffer_append(env_of(writer), &writer->frames, frame, sizeof(*frame))
             ? 0
             : writer_no_memory(writer, error);
}

/* Its place in the index is known from its first page on, its content and its
 * place in the log only when it is full. */
static int begin_frame(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  static const struct format_frame none;
  int result = writer_add_frame(writer, &none, &writer->frame_index, error);
  struct content_frame known = {.stamp = writer->stamp,
                                .index = writer->frame_index};
  if (result == 0 && !content_add_frame(env_of(writer), content_of(writer),
                                        &known, &writer->frame_known))
    writer->frame_known = NO_FRAME; /* its pages are not known again */
  return result;
}

/* The level is chosen for each frame. */
static size_t code_at_pace(struct cache_writer *writer, void *room,
                           const void *data, size_t length) {
  struct pace *pace = &writer->cache->pace;
  const struct cache_io *io = env_of(writer)->io;
  unsigned next = pace_next(pace);
  int level = pace_level(next);
  int before = writer->coded_with;
  writer->coded_with = level;
  if (level == CODEC_LEVEL_RAW ||
      (level != before && !encoder_set_level(writer->encoder, level)))
    return 0;
  uint64_t begin = io->thread_ns();
  size_t stored = encoder_encode(writer->encoder, room, data, length);
  pace_coded(pace, next, length, stored ? stored : length,
             io->thread_ns() - begin);
  return stored;
}

size_t writer_code(struct cache_writer *writer, void *room, const void *data,
                   size_t length) {
  if (writer->level == CACHE_LEVEL_AUTO)
    return code_at_pace(writer, room, data, length);
  return writer->encoder ? encoder_encode(writer->encoder, room, data, length)
                         : 0;
}

/* ---- sealing ---- */

int writer_seal(struct cache_writer *writer, enum key_use use, const void *data,
                size_t length, void *room, struct hwckpt_error *error) {
  struct key_bound bound = {.use = use};
  struct place place = writer_place(writer);
  if (use != KEY_FRAME) {
    bound.number = writer->header.number;
    bound.identity = writer->header.identity;
  }
  int got = cipher_seal(env_of(writer)->io, writer->key, &bound, sizeof(bound),
                        data, length, room);
  return got < 0 ? place_fail_io(&place, error, got, "getrandom") : 0;
}

int writer_make_frame(struct cache_writer *writer, enum key_use use, void *room,
                      size_t stored, const void *data, size_t raw,
                      struct format_frame *frame, const void **bytes,
                      struct hwckpt_error *error) {
  int result = 0;
  size_t length = stored ? stored : raw;
  *bytes = stored ? room : data;
  if (writer->key) {
    result =
        writer_seal(writer, use, stored ? writer_coded(writer, room) : data,
                    length, room, error);
    *bytes = room;
    length += CIPHER_MORE;
  }
  frame->stored = (uint32_t)length;
  frame->raw = (uint32_t)raw;
  frame->checksum = format_hash(*bytes, length);
  return result;
}

/* Codes a frame and appends it to the log. */
static int end_frame(struct cache_writer *writer, const void *data,
                     size_t length, struct hwckpt_error *error) {
  unsigned char *room;
  int result = log_reserve(&writer->log, &room, error);
  if (result < 0)
    return writer->failed = result;
  size_t stored = writer_code(writer, writer_coded(writer, room), data, length);
  struct format_frame frame = {.flags = FORMAT_FRAME_HASHED};
  const void *bytes;
  result = writer_make_frame(writer, KEY_FRAME, room, stored, data, length,
                             &frame, &bytes, error);
  if (result == 0)
    result = log_append(&writer->log, bytes == room ? NULL : bytes,
                        frame.stored, &frame, error);
  if (result < 0)
    return writer->failed = result;
  ((struct format_frame *)writer->frames.data)[writer->frame_index] = frame;
  if (writer->frame_known != NO_FRAME)
    content_frame(content_of(writer), writer->frame_known)->frame = frame;
  writer->frame_used = 0;
  return 0;
}

int writer_end_frame(struct cache_writer *writer, struct hwckpt_error *error) {
  size_t length = writer->frame_used * CACHE_PAGE_SIZE;
  return length ? end_frame(writer, writer->frame, length, error) : 0;
}

/* ---- pages ---- */

static int put_at(struct cache_writer *writer, uint64_t address, size_t count,
                  uint32_t index, size_t page, struct hwckpt_error *error) {
  struct span span = {address, address + count * CACHE_PAGE_SIZE,
                      (uint64_t)index * FORMAT_FRAME_PAGES + page};
  return writer_put_span(writer, span, error);
}

static struct place hashes_place(const struct cache_writer *writer) {
  return (struct place){writer->cache, writer->application, FORMAT_HASHES_FILE};
}

int writer_each_hash(struct cache_writer *writer, spool_visit_fn *visit,
                     void *context, struct hwckpt_error *error) {
  struct place place = hashes_place(writer);
  return spool_each(&writer->hashes, &place, writer->frame, WRITER_FRAME, visit,
                    context, error);
}

/* Notes the hash of the page that is the next of the frame. */
static int note_page(struct cache_writer *writer, struct format_page_hash hash,
                     unsigned page, struct hwckpt_error *error) {
  struct content *content = content_of(writer);
  struct place place = hashes_place(writer);
  int result = spool_append(&writer->hashes, &place, writer->directory, &hash,
                            sizeof(hash), error);
  if (result < 0)
    return writer->failed = result;
  uint64_t own = spool_length(&writer->hashes) / sizeof(hash);
  if (content->pages_max < own)
    content->pages_max = own;
  if (writer->frame_known != NO_FRAME)
    content_add(env_of(writer), content, hash, writer->frame_known, page);
  return 0;
}

/* A page with new content. */
static int append_page(struct cache_writer *writer, const unsigned char *data,
                       struct format_page_hash hash, uint64_t *slot,
                       struct hwckpt_error *error) {
  int result = writer->frame_used ? 0 : begin_frame(writer, error);
  unsigned page = writer->frame_used;
  if (result == 0)
    result = note_page(writer, hash, page, error);
  if (result < 0)
    return result;
  *slot = (uint64_t)writer->frame_index * FORMAT_FRAME_PAGES + page;
  memcpy(writer->frame + page * CACHE_PAGE_SIZE, data, CACHE_PAGE_SIZE);
  writer->frame_used++;
  return writer->frame_used == FORMAT_FRAME_PAGES
             ? writer_end_frame(writer, error)
             : 0;
}

static int put_new(struct cache_writer *writer, uint64_t address,
                   const unsigned char *data, struct format_page_hash hash,
                   struct hwckpt_error *error) {
  uint64_t slot;
  int result = append_page(writer, data, hash, &slot, error);
  return result < 0
             ? result
             : put_at(writer, address, 1, (uint32_t)(slot / FORMAT_FRAME_PAGES),
                      slot % FORMAT_FRAME_PAGES, error);
}

int writer_append_page(struct cache_writer *writer, const unsigned char *data,
                       uint64_t *slot, struct hwckpt_error *error) {
  uint64_t seed = content_of(writer)->seed;
  return append_page(writer, data, format_hash_page(data, seed), slot, error);
}

/* A page whose content is page `page` of a known frame. */
static int put_known(struct cache_writer *writer, uint64_t address,
                     uint32_t number, unsigned page,
                     struct hwckpt_error *error) {
  struct content_frame *known = content_frame(content_of(writer), number);
  writer->commit.same_pages++;
  if (known->stamp != writer->stamp) {
    struct format_frame frame = known->frame;
    frame.flags = 0; /* its hashes are where it was written */
    int result = writer_add_frame(writer, &frame, &known->index, error);
    if (result < 0)
      return result;
    known->stamp = writer->stamp;
  }
  return put_at(writer, address, 1, known->index, page, error);
}

static bool find(struct cache_writer *writer, struct format_page_hash hash,
                 uint32_t *number, unsigned *page) {
  return content_find(content_of(writer), hash, writer->stamp, number, page);
}

/* A frame's worth of new pages, which is coded from where it lies. */
static int put_whole(struct cache_writer *writer, uint64_t address,
                     const unsigned char *data,
                     const struct format_page_hash *hashes,
                     struct hwckpt_error *error) {
  int result = begin_frame(writer, error);
  for (unsigned i = 0; i < FORMAT_FRAME_PAGES && result == 0; i++)
    result = note_page(writer, hashes[i], i, error);
  if (result == 0)
    result = put_at(writer, address, FORMAT_FRAME_PAGES, writer->frame_index, 0,
                    error);
  return result < 0 ? result
                    : end_frame(writer, data, FORMAT_FRAME_BYTES, error);
}

int writer_put_stored(struct cache_writer *writer, uint64_t address,
                      const unsigned char *data, size_t count,
                      struct hwckpt_error *error) {
  struct format_page_hash hashes[FORMAT_FRAME_PAGES];
  uint64_t seed = content_of(writer)->seed;
  int result = 0;
  for (size_t done = 0, part; done < count && result == 0; done += part) {
    part =
        count - done < FORMAT_FRAME_PAGES ? count - done : FORMAT_FRAME_PAGES;
    const unsigned char *pages = data + done * CACHE_PAGE_SIZE;
    uint64_t at = address + done * CACHE_PAGE_SIZE;
    bool whole = part == FORMAT_FRAME_PAGES && writer->frame_used == 0;
    uint32_t number;
    unsigned page;
    for (size_t i = 0; i < part; i++) {
      hashes[i] = format_hash_page(pages + i * CACHE_PAGE_SIZE, seed);
      whole = whole && !find(writer, hashes[i], &number, &page);
    }
    if (whole) {
      result = put_whole(writer, at, pages, hashes, error);
      continue;
    }
    for (size_t i = 0; i < part && result == 0; i++)
      result =
          find(writer, hashes[i], &number, &page)
              ? put_known(writer, at + i * CACHE_PAGE_SIZE, number, page, error)
              : put_new(writer, at + i * CACHE_PAGE_SIZE,
                        pages + i * CACHE_PAGE_SIZE, hashes[i], error);
  }
  return result;
}
