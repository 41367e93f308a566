/* commit.c - making a generation durable.
 *
 * The order that durability rests on: all bytes of the temporary file, the
 * commit record last; fdatasync of the file; rename to its name; fsync of the
 * directory. Before the rename nothing is seen under the name; after it, the
 * file under the name is whole. A failure after the rename takes the name away
 * again.
 */
#include "writer.h"

#include <string.h>

/* ---- the parts of the file ---- */

static int put_last_frame(struct cache_writer *writer,
                          struct hwckpt_error *error) {
  size_t used = WRITER_FRAME_USED(writer);
  return used ? writer_put_frame(writer, writer->frame, used * CACHE_PAGE_SIZE,
                                 error)
              : 0;
}

static int put_record_frames(struct cache_writer *writer,
                             struct hwckpt_error *error) {
  const unsigned char *stream = writer->records.data;
  int result = 0;
  for (size_t at = 0; at < writer->records.length && result == 0;) {
    size_t part = writer->records.length - at;
    if (part > FORMAT_FRAME_BYTES)
      part = FORMAT_FRAME_BYTES;
    result = writer_put_frame(writer, stream + at, part, error);
    at += part;
  }
  return result;
}

/* Moves what is zero of the pages put to the holes, and makes both lists
 * ascending and disjoint. Nothing is older than a base: it needs no holes. */
static bool resolve(struct cache_writer *writer) {
  const struct cache_env *env = writer->cache->env;
  if (!spans_resolve(env, &writer->put))
    return false;
  struct span *put = spans_at(&writer->put);
  size_t kept = 0;
  for (size_t i = 0; i < spans_count(&writer->put); i++) {
    if (put[i].slot != SPAN_NO_SLOT)
      put[kept++] = put[i];
    else if (writer->parent && !spans_append(env, &writer->holes, put[i]))
      return false;
  }
  writer->put.buffer.length = kept * sizeof(*put);
  if (!writer->parent)
    writer->holes.buffer.length = 0;
  return spans_resolve(env, &writer->holes);
}

/* Makes the index in one piece, behind the frames. */
static bool make_index(struct cache_writer *writer, CacheCommit *commit) {
  const struct cache_env *env = writer->cache->env;
  if (!resolve(writer))
    return false;
  for (size_t i = 0; i < spans_count(&writer->put); i++) {
    struct span span = spans_at(&writer->put)[i];
    uint64_t pages = (span.end - span.begin) / CACHE_PAGE_SIZE;
    commit->pages += pages;
    while (pages) {
      uint32_t part = pages > UINT32_MAX ? UINT32_MAX : (uint32_t)pages;
      struct format_extent extent = {span.begin, (uint32_t)span.slot, part};
      if (!buffer_append(env, &writer->frames, &extent, sizeof(extent)))
        return false;
      commit->extents++;
      span.begin += (uint64_t)part * CACHE_PAGE_SIZE;
      span.slot += part;
      pages -= part;
    }
  }
  for (size_t i = 0; i < spans_count(&writer->holes); i++) {
    struct span span = spans_at(&writer->holes)[i];
    struct format_hole hole = {span.begin, span.end};
    if (!buffer_append(env, &writer->frames, &hole, sizeof(hole)))
      return false;
    commit->holes++;
  }
  return true;
}

static int put_index(struct cache_writer *writer, CacheCommit *commit,
                     struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  if (!make_index(writer, commit))
    return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                      "no room for the index");
  commit->index_offset = writer->written + writer->output_length;
  commit->index_checksum =
      format_hash(writer->frames.data, writer->frames.length);
  return writer_put_bytes(writer, writer->frames.data, writer->frames.length,
                          error);
}

/* The record holds the file's length, and its own length may depend on that:
 * encoded again until it fits, which the second time at the latest it does,
 * as a longer varint makes the length only grow. */
static int put_commit(struct cache_writer *writer, CacheCommit *commit,
                      struct hwckpt_error *error) {
  unsigned char message[FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  uint64_t at = writer->written + writer->output_length;
  size_t length = 0;
  do {
    commit->file_length = at + length + sizeof(tag);
    length = format_encode_commit(commit, message);
  } while (commit->file_length != at + length + sizeof(tag));
  format_seal(&tag, FORMAT_MAGIC_COMMIT, message, length);
  int result = writer_put_bytes(writer, message, length, error);
  return result < 0 ? result
                    : writer_put_bytes(writer, &tag, sizeof(tag), error);
}

static int put_rest(struct cache_writer *writer, CacheCommit *commit,
                    struct hwckpt_error *error) {
  int result = put_last_frame(writer, error);
  commit->page_frames = writer->frames.length / sizeof(struct format_frame);
  if (result == 0)
    result = put_record_frames(writer, error);
  commit->record_frames =
      writer->frames.length / sizeof(struct format_frame) - commit->page_frames;
  if (result == 0)
    result = put_index(writer, commit, error);
  commit->number = writer->number;
  commit->header_checksum = writer->header_checksum;
  commit->commit_ns = writer->cache->env->io->realtime_ns();
  commit->records_length = writer->records.length;
  commit->raw_bytes = commit->pages * CACHE_PAGE_SIZE + writer->records.length;
  commit->frame_pages = FORMAT_FRAME_PAGES;
  if (result == 0)
    result = put_commit(writer, commit, error);
  return result < 0 ? result : writer_flush(writer, error);
}

/* ---- durability ---- */

static int make_durable(struct cache_writer *writer,
                        struct hwckpt_error *error) {
  const struct cache_io *io = writer->cache->env->io;
  struct place place = writer_place(writer);
  int result;
  /* Gives back what was allocated and not written. */
  if (writer->allocated != 0 &&
      (result = io->ftruncate(writer->fd, writer->written)) < 0)
    return place_fail_io(&place, error, result, "ftruncate");
  if ((result = io->fdatasync(writer->fd)) < 0)
    return place_fail_io(&place, error, result, "fdatasync");
  if ((result = io->renameat(writer->directory, writer->temporary,
                             writer->directory, writer->file)) < 0)
    return place_fail_io(&place, error, result, "rename");
  if ((result = io->fsync(writer->directory)) < 0) {
    io->unlinkat(writer->directory, writer->file, 0);
    return place_fail_io(&place, error, result, "fsync of its directory");
  }
  return 0;
}

int cache_commit(struct cache_writer *writer, struct cache_generation *result,
                 struct hwckpt_error *error) {
  CacheCommit commit = CacheCommit_init_zero;
  int status = writer->failed;
  if (status < 0) {
    struct place place = writer_place(writer);
    place_fail(&place, error, (enum hwckpt_code) - status, 0,
               "writing it failed before");
  } else {
    status = put_rest(writer, &commit, error);
  }
  if (status == 0)
    status = make_durable(writer, error);
  if (status == 0 && result) {
    memset(result, 0, sizeof(*result));
    memcpy(result->application, writer->application,
           sizeof(result->application));
    result->number = writer->number;
    result->parent = writer->parent;
    result->commit_ns = commit.commit_ns;
    result->pages = commit.pages;
    result->bytes = commit.file_length;
    result->raw_bytes = commit.raw_bytes;
  }
  writer_end(writer, status < 0);
  return status;
}
