/* reseal.c - makes the checksums of a mutated file right again. */
#include "reseal.h"

#include "runtime/cache/format.h"
#include "runtime/cache/undo_log.h"
#include "tools/tiers/stream_format.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* format_seal() knows the newest version alone; the older are read as well. */
static void seal(struct format_tag *tag, const void *message) {
  uint64_t seed = XXH3_64bits(tag, offsetof(struct format_tag, checksum));
  tag->checksum = XXH3_64bits_withSeed(message, tag->length, seed);
}

void reseal_tag(unsigned char *bytes, size_t length) {
  struct format_tag tag;
  if (length < sizeof(tag))
    return;
  memcpy(&tag, bytes, sizeof(tag));
  if (tag.length > length - sizeof(tag))
    tag.length = (uint32_t)(length - sizeof(tag));
  if (tag.length > FORMAT_MESSAGE_MAX)
    return;
  seal(&tag, bytes + sizeof(tag));
  memcpy(bytes, &tag, sizeof(tag));
}

/* Names the parent as it is. The header's length does not change by that: the
 * field is of fixed size, unless it was absent. */
static void reseal_header(unsigned char *bytes, size_t length,
                          uint64_t parent_commit) {
  struct format_tag tag;
  CacheHeader header = CacheHeader_init_zero;
  unsigned char message[FORMAT_MESSAGE_MAX];
  if (length < sizeof(tag))
    return;
  memcpy(&tag, bytes, sizeof(tag));
  if (tag.length <= length - sizeof(tag) && tag.length <= sizeof(message) &&
      format_decode_header(&header, bytes + sizeof(tag), tag.length) &&
      header.parent == 1) {
    header.parent_commit = parent_commit;
    if (format_encode_header(&header, message) == tag.length)
      memcpy(bytes + sizeof(tag), message, tag.length);
  }
  reseal_tag(bytes, length);
}

/* The checksums of the frames, as far as the frames lie in the file; in version
 * 2 also where they lie. */
static void reseal_frames(unsigned char *bytes, uint64_t frames_at,
                          uint64_t index_at, uint64_t frames,
                          uint32_t version) {
  uint64_t at = frames_at;
  for (uint64_t i = 0; i < frames; i++) {
    struct format_frame frame = {0};
    struct format_frame_1 frame_1;
    if (version == 1) {
      memcpy(&frame_1, bytes + index_at + i * sizeof(frame_1), sizeof(frame_1));
      frame.stored = frame_1.stored;
    } else {
      memcpy(&frame, bytes + index_at + i * sizeof(frame), sizeof(frame));
      if (frame.segment)
        continue;
    }
    if (at > index_at || frame.stored > index_at - at)
      return;
    frame.offset = at;
    frame.checksum = frame_1.checksum = format_hash(bytes + at, frame.stored);
    if (version == 1)
      memcpy(bytes + index_at + i * sizeof(frame_1), &frame_1, sizeof(frame_1));
    else
      memcpy(bytes + index_at + i * sizeof(frame), &frame, sizeof(frame));
    at += frame.stored;
  }
}

/* Frames, index and hashes of pages, which end at `end`. */
static void reseal_index(unsigned char *bytes, uint64_t frames_at, uint64_t end,
                         uint32_t version, CacheCommit *commit) {
  uint64_t at = commit->index_offset;
  uint64_t frames = commit->page_frames + commit->record_frames;
  uint64_t size = version == 1 ? sizeof(struct format_frame_1)
                               : sizeof(struct format_frame);
  if (frames <= (end - at) / size)
    reseal_frames(bytes, frames_at, at, frames, version);
  uint64_t hashes = commit->hashes * sizeof(struct format_page_hash);
  if (commit->hashes > end || hashes > end - at)
    hashes = 0;
  commit->hashes_checksum = format_hash(bytes + end - hashes, hashes);
  commit->index_checksum = format_hash(bytes + at, end - hashes - at);
}

unsigned char *reseal_generation(const unsigned char *bytes, size_t length,
                                 uint64_t parent_commit, size_t *new_length) {
  unsigned char *copy = malloc(length + FORMAT_MESSAGE_MAX + 1);
  struct format_tag header, tag;
  CacheCommit commit = CacheCommit_init_zero;
  memcpy(copy, bytes, length);
  *new_length = length;
  reseal_header(copy, length, parent_commit);
  if (length < 2 * sizeof(tag))
    return copy;
  memcpy(&header, copy, sizeof(header));
  memcpy(&tag, copy + length - sizeof(tag), sizeof(tag));
  if (tag.length > FORMAT_MESSAGE_MAX || tag.length > length - 2 * sizeof(tag))
    return copy;
  size_t at = length - sizeof(tag) - tag.length;
  if (!format_decode_commit(&commit, copy + at, tag.length))
    return copy;

  /* The length as it is, unless the file says it wrong by itself. */
  bool length_fits = commit.file_length == length;
  commit.header_checksum = header.checksum;
  if (commit.index_offset <= at)
    reseal_index(copy, sizeof(header) + header.length, at, header.version,
                 &commit);
  unsigned char message[FORMAT_MESSAGE_MAX];
  size_t encoded = format_encode_commit(&commit, message);
  if (length_fits) {
    commit.file_length = at + encoded + sizeof(tag);
    encoded = format_encode_commit(&commit, message);
  }
  memcpy(copy + at, message, encoded);
  tag.length = (uint32_t)encoded;
  seal(&tag, message);
  memcpy(copy + at + encoded, &tag, sizeof(tag));
  *new_length = at + encoded + sizeof(tag);
  return copy;
}

/* Where things are in the head of a record: undo_log.c. */
enum {
  UNDO_KIND = 6,
  UNDO_CHECKSUM = 8,
  UNDO_PATH_LENGTH = 16,
  UNDO_DATA_LENGTH = 20,
  UNDO_BODY = 88,
};

void reseal_undo(unsigned char *bytes, size_t length) {
  for (size_t at = 0; length - at >= UNDO_HEAD;) {
    unsigned char *head = bytes + at, *body = head + UNDO_HEAD;
    uint32_t path, data;
    uint16_t kind;
    memcpy(head, "hwku\1", 6);
    memcpy(&kind, head + UNDO_KIND, sizeof(kind));
    memcpy(&path, head + UNDO_PATH_LENGTH, sizeof(path));
    memcpy(&data, head + UNDO_DATA_LENGTH, sizeof(data));
    size_t left = length - at - UNDO_HEAD;
    bool whole = path <= left && data <= left - path;
    if (whole) {
      uint64_t both[2] = {path ? format_hash(body, path) : 0,
                          data ? format_hash(body + path, data) : 0};
      uint64_t hash = format_hash(both, sizeof(both));
      memcpy(head + UNDO_BODY, &hash, sizeof(hash));
    }
    uint64_t checksum =
        format_hash(head + UNDO_PATH_LENGTH, UNDO_HEAD - UNDO_PATH_LENGTH) ^
        kind;
    memcpy(head + UNDO_CHECKSUM, &checksum, sizeof(checksum));
    if (!whole)
      return;
    at += UNDO_HEAD + path + data;
  }
}

void reseal_stream(unsigned char *bytes, size_t length) {
  struct stream_checksum sum = {0};
  size_t at = sizeof(struct stream_head);
  if (length < at)
    return;
  sum = stream_sum(sum, bytes, at, "", 0);
  for (struct stream_chunk chunk; length - at >= sizeof chunk;) {
    memcpy(&chunk, bytes + at, sizeof chunk);
    unsigned char *payload = bytes + at + sizeof chunk;
    if (chunk.stored > length - at - sizeof chunk)
      return;
    sum = chunk.checksum =
        stream_sum(sum, &chunk, STREAM_CHUNK_SUMMED, payload, chunk.stored);
    memcpy(bytes + at, &chunk, sizeof chunk);
    at += sizeof chunk + chunk.stored;
  }
}

unsigned char *seal_stream(const unsigned char *bytes, size_t length,
                           const struct seal_key *key, size_t *new_length) {
  struct stream_head head;
  struct seal_wrapped wrapped;
  struct seal_key stream;
  struct stream_chunk chunk;
  struct stream_checksum sum = {0};
  if (length < sizeof head)
    return NULL;
  size_t most = length / sizeof chunk + 1, at = sizeof head;
  unsigned char *sealed =
      malloc(length + sizeof wrapped + most * SEAL_MORE + sizeof chunk);
  if (!sealed)
    return NULL;
  memcpy(&head, bytes, sizeof head);
  head.flags |= STREAM_SEALED;
  seal_derive(key, "", 0, &stream); /* of what, a reader cannot tell */
  seal_wrap(key, &stream, &wrapped);
  memcpy(sealed, &head, sizeof head);
  memcpy(sealed + sizeof head, &wrapped, sizeof wrapped);
  size_t put = sizeof head + sizeof wrapped;
  sum = stream_sum(sum, &head, sizeof head, "", 0);
  while (length - at >= sizeof chunk) {
    memcpy(&chunk, bytes + at, sizeof chunk);
    at += sizeof chunk;
    uint32_t payload = chunk.stored;
    if (payload > length - at)
      payload = (uint32_t)(length - at);
    chunk.stored = payload + SEAL_MORE;
    const struct stream_bound bound = stream_bind(&chunk, sum);
    unsigned char *to = sealed + put + sizeof chunk;
    seal_encrypt(&stream, &bound, sizeof bound, bytes + at, payload, to);
    sum = chunk.checksum =
        stream_sum(sum, &chunk, STREAM_CHUNK_SUMMED, to, chunk.stored);
    memcpy(sealed + put, &chunk, sizeof chunk);
    put += sizeof chunk + chunk.stored;
    at += payload;
  }
  *new_length = put;
  return sealed;
}
