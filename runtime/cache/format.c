/* format.c - hashes and tagged messages of the cache's files.
 *
 * Invariant: what format_check() passes is byte for byte what format_seal() was
 * given.
 */
#include "format.h"

#include "vector.h"

_Static_assert(CacheCommit_size <= FORMAT_MESSAGE_MAX, "the largest message");

#include <pb_decode.h>
#include <pb_encode.h>

#define XXH_INLINE_ALL
/* Loads through packed structures: with -fno-builtin the default, memcpy, is a
 * call for every eight bytes. */
#define XXH_FORCE_MEMORY_ACCESS 1
#include <xxhash.h>

uint64_t format_hash(const void *data, size_t length) {
  return vector_hash(data, length);
}

_Static_assert(sizeof(XXH3_state_t) == sizeof(struct format_hashing) &&
                   _Alignof(XXH3_state_t) == _Alignof(struct format_hashing),
               "room for the state of XXH3");

void format_hash_begin(struct format_hashing *hashing) {
  XXH3_64bits_reset((XXH3_state_t *)hashing);
}

void format_hash_add(struct format_hashing *hashing, const void *data,
                     size_t length) {
  XXH3_64bits_update((XXH3_state_t *)hashing, data, length);
}

uint64_t format_hash_end(const struct format_hashing *hashing) {
  return XXH3_64bits_digest((const XXH3_state_t *)hashing);
}

struct format_page_hash format_hash_page(const void *page, uint64_t seed) {
  return vector_hash_page(page, seed);
}

static uint64_t tag_checksum(const struct format_tag *tag,
                             const void *message) {
  uint64_t seed = XXH3_64bits(tag, offsetof(struct format_tag, checksum));
  return XXH3_64bits_withSeed(message, tag->length, seed);
}

void format_seal(struct format_tag *tag, const char *magic, const void *message,
                 size_t length) {
  __builtin_memcpy(tag->magic, magic, sizeof(tag->magic));
  tag->version = FORMAT_VERSION;
  tag->length = (uint32_t)length;
  tag->checksum = tag_checksum(tag, message);
}

enum format_status format_check_tag(const struct format_tag *tag,
                                    const char *magic) {
  if (__builtin_memcmp(tag->magic, magic, sizeof(tag->magic)) != 0)
    return FORMAT_NOT_ONE;
  return tag->length <= FORMAT_MESSAGE_MAX ? FORMAT_OK : FORMAT_DAMAGED;
}

enum format_status format_check(const struct format_tag *tag, const char *magic,
                                const void *message) {
  enum format_status status = format_check_tag(tag, magic);
  if (status != FORMAT_OK)
    return status;
  if (tag->checksum != tag_checksum(tag, message))
    return FORMAT_DAMAGED;
  return tag->version >= FORMAT_VERSION_OLDEST && tag->version <= FORMAT_VERSION
             ? FORMAT_OK
             : FORMAT_OTHER;
}

static size_t encode(const pb_msgdesc_t *fields, const void *message,
                     void *buffer) {
  pb_ostream_t stream = pb_ostream_from_buffer(buffer, FORMAT_MESSAGE_MAX);
  /* Cannot fail: the largest of the messages has less than that. */
  if (!pb_encode(&stream, fields, message))
    __builtin_trap();
  return stream.bytes_written;
}

static bool decode(const pb_msgdesc_t *fields, void *message, const void *data,
                   size_t length) {
  pb_istream_t stream = pb_istream_from_buffer(data, length);
  return pb_decode(&stream, fields, message);
}

size_t format_encode_header(const CacheHeader *header, void *buffer) {
  return encode(CacheHeader_fields, header, buffer);
}

size_t format_encode_commit(const CacheCommit *commit, void *buffer) {
  return encode(CacheCommit_fields, commit, buffer);
}

size_t format_encode_restores(const CacheRestores *restores, void *buffer) {
  return encode(CacheRestores_fields, restores, buffer);
}

size_t format_encode_segment(const CacheSegment *segment, void *buffer) {
  return encode(CacheSegment_fields, segment, buffer);
}

size_t format_encode_key(const CacheKey *key, void *buffer) {
  return encode(CacheKey_fields, key, buffer);
}

bool format_decode_header(CacheHeader *header, const void *data,
                          size_t length) {
  return decode(CacheHeader_fields, header, data, length);
}

bool format_decode_commit(CacheCommit *commit, const void *data,
                          size_t length) {
  return decode(CacheCommit_fields, commit, data, length);
}

bool format_decode_restores(CacheRestores *restores, const void *data,
                            size_t length) {
  return decode(CacheRestores_fields, restores, data, length);
}

bool format_decode_segment(CacheSegment *segment, const void *data,
                           size_t length) {
  return decode(CacheSegment_fields, segment, data, length);
}

bool format_decode_key(CacheKey *key, const void *data, size_t length) {
  return decode(CacheKey_fields, key, data, length);
}

bool format_vouch(struct format_vouched *vouched, const void *header,
                  size_t header_length, const void *commit,
                  size_t commit_length) {
  /* Field 100, length-delimited, 40 bytes. */
  static const unsigned char field[] = {0xa2, 0x06, 40};
  const size_t seal = sizeof(field) + 40;
  const unsigned char *bytes = commit;
  if (commit_length < seal ||
      __builtin_memcmp(bytes + commit_length - seal, field, sizeof(field)) != 0)
    return false;
  commit_length -= seal;
  vouched->use = 'c';
  vouched->header_length = header_length;
  __builtin_memcpy(vouched->bytes, header, header_length);
  __builtin_memcpy(vouched->bytes + header_length, commit, commit_length);
  vouched->length =
      offsetof(struct format_vouched, bytes) + header_length + commit_length;
  return true;
}
