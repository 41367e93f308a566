/* commit.c - making a generation durable.
 *
 * The order that durability rests on: the page frames in segments; fdatasync of
 * each segment, fsync of the directory when one is new; all bytes of the
 * temporary file, the commit record last; fdatasync of it; rename to its name;
 * fsync of the directory. Before the rename nothing is seen under the name (or,
 * when generations are merged, what was there before); after it, the file under
 * the name is whole, and so is all it refers to. A failure after the rename
 * takes the name away again, but for a merge: what it had before is no worse
 * than what it has now, and one of the two is there.
 */
#include "writer.h"

#include "reader.h"

#include <fcntl.h>
#include <string.h>

/* ---- the generation's file ---- */

static int flush(struct cache_writer *writer, struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  int result = io_write(&place, writer->fd, writer->output,
                        writer->output_length, writer->written, error);
  writer->written += writer->output_length;
  writer->output_length = 0;
  return result;
}

static int put_bytes(struct cache_writer *writer, const void *data,
                     size_t length, struct hwckpt_error *error) {
  const unsigned char *from = data;
  int result = 0;
  while (length && result == 0) {
    size_t part = WRITER_OUTPUT - writer->output_length;
    if (part > length)
      part = length;
    memcpy(writer->output + writer->output_length, from, part);
    writer->output_length += part;
    from += part;
    length -= part;
    if (writer->output_length == WRITER_OUTPUT)
      result = flush(writer, error);
  }
  return result;
}

static uint64_t position(const struct cache_writer *writer) {
  return writer->written + writer->output_length;
}

static int create_file(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  int fd = writer->cache->env->io->openat(
      writer->directory, writer->temporary,
      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "create");
  writer->fd = fd;
  return 0;
}

/* ---- its parts ---- */

static int put_header(struct cache_writer *writer, struct hwckpt_error *error) {
  unsigned char message[FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  size_t length = format_encode_header(&writer->header, message);
  format_seal(&tag, FORMAT_MAGIC_HEADER, message, length);
  writer->commit.header_checksum = tag.checksum;
  int result = put_bytes(writer, &tag, sizeof(tag), error);
  return result < 0 ? result : put_bytes(writer, message, length, error);
}

static size_t page_frames(const struct cache_writer *writer) {
  return writer->frames.length / sizeof(struct format_frame);
}

bool writer_is_own(const struct cache_writer *writer, size_t frame) {
  const struct format_frame *frames = writer->frames.data;
  return frame < writer->taken_over &&
         frames[frame].flags & FORMAT_FRAME_HASHED;
}

bool writer_is_small(const struct cache_writer *writer) {
  const struct format_frame *frames = writer->frames.data;
  uint64_t bytes = 0;
  for (size_t i = 0; i < page_frames(writer); i++)
    if (writer_is_own(writer, i))
      bytes += frames[i].stored;
  return log_is_held(&writer->log) && bytes <= WRITER_INLINE;
}

static int put_page_frames(struct cache_writer *writer,
                           struct hwckpt_error *error) {
  struct format_frame *frames = writer->frames.data;
  int result = 0;
  for (size_t i = 0; i < page_frames(writer) && result == 0; i++) {
    if (!writer_is_own(writer, i))
      continue;
    const unsigned char *stored = log_held(&writer->log, &frames[i]);
    frames[i].segment = 0;
    frames[i].offset = position(writer);
    result = put_bytes(writer, stored, frames[i].stored, error);
  }
  /* Only this generation has them. */
  content_drop(&writer->session->content, writer->known_from);
  return result;
}

static int put_record_frame(struct cache_writer *writer, const void *data,
                            size_t length, struct hwckpt_error *error) {
  struct format_frame frame = {.offset = position(writer)};
  /* The frame's pages are all coded by now. */
  unsigned char *room = writer->frame;
  size_t stored = writer->encoder
                      ? encoder_encode(writer->encoder,
                                       writer_coded(writer, room), data, length)
                      : 0;
  const void *bytes;
  struct place place = writer_place(writer);
  int result = writer_make_frame(writer, KEY_RECORDS, room, stored, data,
                                 length, &frame, &bytes, error);
  if (result < 0)
    return result;
  if (!buffer_append(writer->cache->env, &writer->frames, &frame,
                     sizeof(frame)))
    return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                      "no room for the index");
  return put_bytes(writer, bytes, frame.stored, error);
}

static int put_record_frames(struct cache_writer *writer,
                             struct hwckpt_error *error) {
  const unsigned char *stream = writer->records.data;
  int result = 0;
  for (size_t at = 0; at < writer->records.length && result == 0;) {
    size_t part = writer->records.length - at;
    if (part > FORMAT_FRAME_BYTES)
      part = FORMAT_FRAME_BYTES;
    result = put_record_frame(writer, stream + at, part, error);
    at += part;
  }
  return result;
}

/* ---- lists: index and hashes ---- */

static int fail_memory(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                    "no room for the index");
}

/* What is sealed is sealed in one piece, and so collected; anything else is
 * written as it comes. */
int writer_list(struct cache_writer *writer, const void *data, size_t length,
                struct hwckpt_error *error) {
  writer->listed += length;
  if (writer->key)
    return buffer_append(writer->cache->env, writer->list, data, length)
               ? 0
               : fail_memory(writer, error);
  format_hash_add(&writer->list_hash, data, length);
  return put_bytes(writer, data, length, error);
}

/* What the list begins with is in the buffer, where it is sealed. */
static void begin_list(struct cache_writer *writer, struct buffer *list) {
  writer->list = list;
  writer->listed = writer->key ? list->length : 0;
  writer->extent = (struct span){0};
  format_hash_begin(&writer->list_hash);
}

static int list_frames(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  const struct buffer *frames = &writer->frames;
  begin_list(writer, &writer->frames);
  return writer->key ? 0
                     : writer_list(writer, frames->data, frames->length, error);
}

static int list_hash(void *context, const void *data, size_t length,
                     struct hwckpt_error *error) {
  return writer_list(context, data, length, error);
}

static int list_hashes(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  begin_list(writer, &writer->hashes.end);
  return writer->key ? 0 : writer_each_hash(writer, list_hash, writer, error);
}

/* Seals and writes what was collected. */
static int put_sealed(struct cache_writer *writer, enum key_use use,
                      struct hwckpt_error *error) {
  struct buffer *list = writer->list;
  size_t length = list->length;
  if (!buffer_reserve(writer->cache->env, list, length + CIPHER_MORE))
    return fail_memory(writer, error);
  unsigned char *room = list->data;
  memmove(room + CIPHER_NONCE, room, length);
  int result =
      writer_seal(writer, use, room + CIPHER_NONCE, length, room, error);
  if (result < 0)
    return result;
  format_hash_add(&writer->list_hash, room, length + CIPHER_MORE);
  return put_bytes(writer, room, length + CIPHER_MORE, error);
}

static int end_list(struct cache_writer *writer, enum key_use use,
                    uint64_t *checksum, struct hwckpt_error *error) {
  int result =
      writer->key && writer->listed ? put_sealed(writer, use, error) : 0;
  *checksum = format_hash_end(&writer->list_hash);
  return result;
}

/* As many entries as it takes. */
static int end_extent(struct cache_writer *writer, struct hwckpt_error *error) {
  CacheCommit *commit = &writer->commit;
  struct span span = writer->extent;
  uint64_t pages = (span.end - span.begin) / CACHE_PAGE_SIZE;
  int result = 0;
  writer->extent = (struct span){0};
  commit->pages += pages;
  while (pages && result == 0) {
    uint32_t part = pages > UINT32_MAX ? UINT32_MAX : (uint32_t)pages;
    struct format_extent extent = {span.begin, (uint32_t)span.slot, part};
    result = writer_list(writer, &extent, sizeof(extent), error);
    commit->extents++;
    span.begin += (uint64_t)part * CACHE_PAGE_SIZE;
    span.slot += part;
    pages -= part;
  }
  return result;
}

int writer_list_extent(struct cache_writer *writer, const struct span *extent,
                       struct hwckpt_error *error) {
  struct span *last = &writer->extent;
  if (last->end && spans_continue(last, extent)) {
    last->end = extent->end;
    return 0;
  }
  int result = end_extent(writer, error);
  *last = *extent;
  return result;
}

/* What is zero of the pages put is a hole. Nothing is older than a base: it
 * needs none. */
static int list_put(void *context, const struct span *piece,
                    struct hwckpt_error *error) {
  struct cache_writer *writer = context;
  if (piece->slot != SPAN_NO_SLOT)
    return writer_list_extent(writer, piece, error);
  return writer->header.parent == 0 ||
                 spans_append(writer->cache->env, &writer->holes, *piece)
             ? 0
             : fail_memory(writer, error);
}

static int list_extents(struct cache_writer *writer,
                        struct hwckpt_error *error) {
  const struct writer_told *told = writer->told;
  struct place place = writer_extents_place(writer);
  int result = told ? told->extents(writer, told->context, error) : 0;
  if (result == 0)
    result = layers_each(&writer->put, &place, list_put, writer, error);
  return result == 0 ? end_extent(writer, error) : result;
}

static int list_holes(struct cache_writer *writer, struct hwckpt_error *error) {
  int result = 0;
  if (writer->header.parent == 0)
    return 0;
  if (!spans_resolve(writer->cache->env, &writer->holes))
    return fail_memory(writer, error);
  for (size_t i = 0; i < spans_count(&writer->holes) && result == 0; i++) {
    struct span span = spans_at(&writer->holes)[i];
    struct format_hole hole = {span.begin, span.end};
    result = writer_list(writer, &hole, sizeof(hole), error);
    writer->commit.holes++;
  }
  return result;
}

static int put_index(struct cache_writer *writer, struct hwckpt_error *error) {
  CacheCommit *commit = &writer->commit;
  commit->index_offset = position(writer);
  int result = list_frames(writer, error);
  if (result == 0)
    result = list_extents(writer, error);
  if (result == 0)
    result = list_holes(writer, error);
  return result < 0
             ? result
             : end_list(writer, KEY_INDEX, &commit->index_checksum, error);
}

static int put_hashes(struct cache_writer *writer, struct hwckpt_error *error) {
  CacheCommit *commit = &writer->commit;
  const struct writer_told *told = writer->told;
  int result = list_hashes(writer, error);
  if (result == 0 && told)
    result = told->hashes(writer, told->context, error);
  commit->hashes = writer->listed / sizeof(struct format_page_hash);
  commit->hash_seed = writer->session->content.seed;
  return result < 0
             ? result
             : end_list(writer, KEY_HASHES, &commit->hashes_checksum, error);
}

static void fill_commit(struct cache_writer *writer) {
  CacheCommit *commit = &writer->commit;
  commit->number = writer->number;
  commit->records_length = writer->records.length;
  commit->raw_bytes = commit->pages * CACHE_PAGE_SIZE + writer->records.length;
  commit->frame_pages = FORMAT_FRAME_PAGES;
  commit->segment_bytes = writer->log.written;
  const CacheCommit *before = writer->replaces;
  if (before) { /* the same checkpoint, stored otherwise: nothing was put */
    commit->commit_ns = before->commit_ns;
    commit->put_pages = before->put_pages;
    commit->zero_pages = before->zero_pages;
    commit->same_pages = before->same_pages;
    commit->segment_bytes += before->segment_bytes;
    return;
  }
  commit->commit_ns = writer->cache->env->io->realtime_ns();
  commit->total_put +=
      commit->put_pages * CACHE_PAGE_SIZE + writer->records.length;
}

/* Vouches for the header and the record, at whose end the seal is. */
static int seal_commit(struct cache_writer *writer, unsigned char *message,
                       size_t length, struct hwckpt_error *error) {
  struct format_vouched vouched;
  struct place place = writer_place(writer);
  unsigned char header[FORMAT_MESSAGE_MAX];
  if (!writer->key)
    return 0;
  size_t header_length = format_encode_header(&writer->header, header);
  format_vouch(&vouched, header, header_length, message, length);
  int got =
      cipher_seal(writer->cache->env->io, writer->key, &vouched, vouched.length,
                  NULL, 0, message + length - CIPHER_MORE);
  return got < 0 ? place_fail_io(&place, error, got, "getrandom") : 0;
}

/* The record holds the file's length, and its own length may depend on that:
 * encoded again until it fits, which ends as a longer varint makes the length
 * only grow. */
static int put_commit(struct cache_writer *writer, struct hwckpt_error *error) {
  CacheCommit *commit = &writer->commit;
  unsigned char message[FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  uint64_t before = commit->total_written;
  size_t length = 0;
  commit->seal.size = writer->key ? CIPHER_MORE : 0;
  do {
    commit->file_length = position(writer) + length + sizeof(tag);
    commit->total_written = before + writer->log.written + commit->file_length;
    length = format_encode_commit(commit, message);
  } while (commit->file_length != position(writer) + length + sizeof(tag));
  int result = seal_commit(writer, message, length, error);
  format_seal(&tag, FORMAT_MAGIC_COMMIT, message, length);
  if (result == 0)
    result = put_bytes(writer, message, length, error);
  if (result == 0)
    result = put_bytes(writer, &tag, sizeof(tag), error);
  return result < 0 ? result : flush(writer, error);
}

static int put_all(struct cache_writer *writer, struct hwckpt_error *error) {
  int result = writer_end_frame(writer, error);
  bool is_inline = writer_is_small(writer);
  if (result == 0 && !is_inline)
    result = log_sync(&writer->log, error);
  if (result == 0)
    result = create_file(writer, error);
  if (result == 0)
    result = put_header(writer, error);
  if (result == 0 && is_inline)
    result = put_page_frames(writer, error);
  writer->commit.page_frames = page_frames(writer);
  if (result == 0)
    result = put_record_frames(writer, error);
  writer->commit.record_frames =
      page_frames(writer) - writer->commit.page_frames;
  if (result == 0)
    result = put_index(writer, error);
  if (result == 0)
    result = put_hashes(writer, error);
  fill_commit(writer);
  return result < 0 ? result : put_commit(writer, error);
}

/* ---- durability ---- */

static int make_durable(struct cache_writer *writer,
                        struct hwckpt_error *error) {
  const struct cache_io *io = writer->cache->env->io;
  struct place place = writer_place(writer);
  int result;
  if ((result = io->fdatasync(writer->fd)) < 0)
    return place_fail_io(&place, error, result, "fdatasync");
  if ((result = io->renameat(writer->directory, writer->temporary,
                             writer->directory, writer->file)) < 0)
    return place_fail_io(&place, error, result, "rename");
  if ((result = io->fsync(writer->directory)) < 0) {
    /* What was under the name before is not to be lost. */
    if (!writer->replaces)
      io->unlinkat(writer->directory, writer->file, 0);
    return place_fail_io(&place, error, result, "fsync of its directory");
  }
  return 0;
}

/* A base is all the program has. */
static void remember_size(const struct cache_writer *writer) {
  struct content *content = &writer->session->content;
  uint64_t pages = writer->commit.pages;
  if (writer->header.parent == 0 || content->pages_max < pages)
    content->pages_max = pages;
}

int cache_commit(struct cache_writer *writer, struct cache_generation *result,
                 struct hwckpt_error *error) {
  int status = writer->failed;
  if (status < 0) {
    struct place place = writer_place(writer);
    place_fail(&place, error, (enum hwckpt_code) - status, 0,
               "writing it failed before");
  } else {
    status = put_all(writer, error);
  }
  enum log_end how = LOG_ABORTED;
  if (status == 0) {
    /* A name that cannot be taken back may refer to what was written. */
    how = LOG_UNKNOWN;
    status = make_durable(writer, error);
  }
  if (status == 0) {
    how = LOG_COMMITTED;
    log_commit(&writer->log);
    remember_size(writer);
    if (result)
      describe_generation(result, &writer->header, &writer->commit);
  }
  writer_end(writer, how);
  return status;
}
