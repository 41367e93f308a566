/* stream_write.c - writing a generation as one stream of bytes.
 *
 * Invariant: what is written follows from what is put alone: the same
 * generation gives the same bytes, so that what was begun and cut off can be
 * gone on with.
 */
#include "stream_format.h"

#include "runtime/cache/codec.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct stream_writer {
  struct stream_sink sink;
  struct seal_key key; /* of the stream, when it is sealed */
  bool sealed;
  struct stream_checksum checksum;
  struct stream_totals totals;
  struct encoder *encoder;
  void *workspace;
  enum stream_kind kind; /* of what is collected */
  size_t used;
  struct stream_pages pages;
  struct stream_run runs[STREAM_PAGES_MAX];
  struct stream_common common;
  struct stream_place places[STREAM_RAW_MAX / sizeof(struct stream_place)];
  unsigned char raw[STREAM_RAW_MAX];
  unsigned char table[STREAM_RAW_MAX]; /* of pages with their runs */
  unsigned char coded[STREAM_RAW_MAX];
  unsigned char encrypted[STREAM_RAW_MAX + SEAL_MORE];
};

struct stream_checksum stream_sum(struct stream_checksum before,
                                  const void *head, size_t head_length,
                                  const void *data, size_t length) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, &before, sizeof before);
  XXH3_128bits_update(&state, head, head_length);
  XXH3_128bits_update(&state, data, length);
  XXH128_hash_t sum = XXH3_128bits_digest(&state);
  return (struct stream_checksum){sum.low64, sum.high64};
}

struct stream_bound stream_bind(const struct stream_chunk *chunk,
                                struct stream_checksum before) {
  struct stream_bound bound = {.before = before};
  memcpy(bound.chunk, chunk, sizeof bound.chunk);
  return bound;
}

/* The payload's bytes; they take the place of *payload. */
static void encrypt(struct stream_writer *writer, struct stream_chunk *chunk,
                    const void **payload) {
  size_t length = chunk->stored;
  chunk->stored += SEAL_MORE;
  const struct stream_bound bound = stream_bind(chunk, writer->checksum);
  seal_encrypt(&writer->key, &bound, sizeof bound, *payload, length,
               writer->encrypted);
  *payload = writer->encrypted;
}

static int write_chunk(struct stream_writer *writer, enum stream_kind kind,
                       const void *data, size_t length,
                       struct hwckpt_error *error) {
  size_t coded =
      length > 1 ? encoder_encode(writer->encoder, writer->coded, data, length)
                 : 0;
  const void *payload = coded ? writer->coded : data;
  struct stream_chunk chunk = {.kind = kind,
                               .stored = (uint32_t)(coded ? coded : length),
                               .raw = (uint32_t)length};
  if (writer->sealed)
    encrypt(writer, &chunk, &payload);
  chunk.checksum = stream_sum(writer->checksum, &chunk, STREAM_CHUNK_SUMMED,
                              payload, chunk.stored);
  writer->checksum = chunk.checksum;
  int failed =
      writer->sink.write(writer->sink.context, &chunk, sizeof chunk, error);
  return failed || !chunk.stored
             ? failed
             : writer->sink.write(writer->sink.context, payload, chunk.stored,
                                  error);
}

/* Pages are collected behind where their table will be. */
static int write_pages(struct stream_writer *writer,
                       struct hwckpt_error *error) {
  size_t runs = writer->pages.runs * sizeof *writer->runs;
  unsigned char *at = writer->table;
  memcpy(at, &writer->pages, sizeof writer->pages);
  memcpy(at + sizeof writer->pages, writer->runs, runs);
  memcpy(at + sizeof writer->pages + runs, writer->raw, writer->used);
  size_t length = sizeof writer->pages + runs + writer->used;
  writer->pages = (struct stream_pages){0};
  return write_chunk(writer, STREAM_PAGES, at, length, error);
}

/* So are those that several have. */
static int write_common(struct stream_writer *writer,
                        struct hwckpt_error *error) {
  size_t places = writer->common.places * sizeof *writer->places;
  unsigned char *at = writer->table;
  memcpy(at, &writer->common, sizeof writer->common);
  memcpy(at + sizeof writer->common, writer->places, places);
  memcpy(at + sizeof writer->common + places, writer->raw, writer->used);
  size_t length = sizeof writer->common + places + writer->used;
  writer->common = (struct stream_common){0};
  return write_chunk(writer, STREAM_COMMON, at, length, error);
}

/* Writes what was collected. */
static int settle(struct stream_writer *writer, struct hwckpt_error *error) {
  int failed = 0;
  if (writer->kind == STREAM_PAGES)
    failed = write_pages(writer, error);
  else if (writer->kind == STREAM_COMMON)
    failed = write_common(writer, error);
  else if (writer->kind)
    failed =
        write_chunk(writer, writer->kind, writer->raw, writer->used, error);
  writer->kind = STREAM_NOTHING;
  writer->used = 0;
  return failed;
}

/* Of what is collected next. */
static int turn_to(struct stream_writer *writer, enum stream_kind kind,
                   struct hwckpt_error *error) {
  int failed = writer->kind == kind ? 0 : settle(writer, error);
  writer->kind = kind;
  return failed;
}

static int collect(struct stream_writer *writer, enum stream_kind kind,
                   const void *data, size_t length,
                   struct hwckpt_error *error) {
  const unsigned char *from = data;
  int failed = turn_to(writer, kind, error);
  while (length && !failed) {
    size_t part = sizeof writer->raw - writer->used;
    part = part < length ? part : length;
    memcpy(writer->raw + writer->used, from, part);
    writer->used += part;
    from += part;
    length -= part;
    if (writer->used == sizeof writer->raw) {
      failed = settle(writer, error);
      writer->kind = kind;
    }
  }
  return failed;
}

static int write_head(struct stream_writer *writer,
                      const struct stream_begin *begin, uint32_t version,
                      struct hwckpt_error *error) {
  struct stream_head head = {.version = version};
  struct seal_wrapped wrapped;
  const struct stream_sink *sink = &writer->sink;
  memcpy(head.magic, STREAM_MAGIC, sizeof head.magic);
  head.flags = writer->sealed ? STREAM_SEALED : 0;
  writer->checksum =
      stream_sum((struct stream_checksum){0}, &head, sizeof head, "", 0);
  int failed = sink->write(sink->context, &head, sizeof head, error);
  if (failed || !writer->sealed)
    return failed;
  seal_derive(sink->key, begin, sizeof *begin, &writer->key);
  seal_wrap(sink->key, &writer->key, &wrapped);
  return sink->write(sink->context, &wrapped, sizeof wrapped, error);
}

static struct stream_begin begin_of(const struct stream_identity *identity) {
  struct stream_begin begin = {
      .number = identity->number,
      .identity = identity->identity,
      .parent = identity->parent,
      .parent_identity = identity->parent_identity,
      .commit_ns = identity->commit_ns,
  };
  memcpy(begin.application, identity->application,
         strnlen(identity->application, sizeof begin.application - 1));
  return begin;
}

static int write_beginning(struct stream_writer *writer,
                           const struct stream_identity *identity,
                           struct hwckpt_error *error) {
  const struct stream_begin begin = begin_of(identity);
  uint32_t version = identity->tree ? STREAM_VERSION_COMMON : STREAM_VERSION;
  int failed = write_head(writer, &begin, version, error);
  return failed
             ? failed
             : write_chunk(writer, STREAM_BEGIN, &begin, sizeof begin, error);
}

static void free_writer(struct stream_writer *writer) {
  if (writer) {
    free(writer->workspace);
    seal_forget(&writer->key);
  }
  free(writer);
}

int stream_begin(const struct stream_sink *sink,
                 const struct stream_identity *identity, int level,
                 struct stream_writer **result, struct hwckpt_error *error) {
  struct stream_writer *writer = calloc(1, sizeof *writer);
  size_t size = codec_encoder_size(level);
  *result = NULL;
  if (writer && (writer->workspace = malloc(size)))
    writer->encoder = encoder_init(writer->workspace, size, level);
  if (!writer || !writer->encoder) {
    free_writer(writer);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 0, identity->application,
                       "writing a stream");
  }
  writer->sink = *sink;
  writer->sealed = sink->key != NULL;
  int failed = write_beginning(writer, identity, error);
  if (failed)
    free_writer(writer);
  else
    *result = writer;
  return failed;
}

int stream_put_record(struct stream_writer *writer, uint32_t type,
                      const void *data, size_t length,
                      struct hwckpt_error *error) {
  const uint32_t head[2] = {type, (uint32_t)length};
  writer->totals.record_bytes += sizeof head + length;
  int failed = collect(writer, STREAM_RECORDS, head, sizeof head, error);
  return failed ? failed : collect(writer, STREAM_RECORDS, data, length, error);
}

int stream_put_hole(struct stream_writer *writer, uint64_t begin, uint64_t end,
                    struct hwckpt_error *error) {
  const struct stream_range range = {begin, end};
  writer->totals.holes++;
  return collect(writer, STREAM_HOLES, &range, sizeof range, error);
}

/* Takes pages of one run, as many as there is room for. */
static size_t take_pages(struct stream_writer *writer, uint64_t address,
                         const void *data, size_t count) {
  size_t part = STREAM_PAGES_MAX - writer->pages.pages;
  part = part < count ? part : count;
  struct stream_run *last =
      writer->pages.runs ? &writer->runs[writer->pages.runs - 1] : NULL;
  if (last && last->address + last->pages * CACHE_PAGE_SIZE == address)
    last->pages += part;
  else
    writer->runs[writer->pages.runs++] = (struct stream_run){address, part};
  memcpy(writer->raw + writer->used, data, part * CACHE_PAGE_SIZE);
  writer->used += part * CACHE_PAGE_SIZE;
  writer->pages.pages += (uint32_t)part;
  return part;
}

int stream_put_pages(struct stream_writer *writer, uint64_t address,
                     const void *data, size_t count,
                     struct hwckpt_error *error) {
  const unsigned char *from = data;
  writer->totals.pages += count;
  while (count) {
    int failed = turn_to(writer, STREAM_PAGES, error);
    if (failed)
      return failed;
    size_t part = take_pages(writer, address, from, count);
    address += part * CACHE_PAGE_SIZE;
    from += part * CACHE_PAGE_SIZE;
    count -= part;
    if (writer->pages.pages == STREAM_PAGES_MAX &&
        (failed = settle(writer, error)))
      return failed;
  }
  return 0;
}

#define PLACES_AT_ONCE 8192u /* with them there is room for pages */

/* How many pages more, at so many places each, the chunk has room for. */
static size_t common_room(const struct stream_writer *writer, size_t places) {
  size_t table = sizeof writer->common +
                 (writer->common.places + places) * sizeof *writer->places;
  if (writer->kind != STREAM_COMMON)
    return 0;
  size_t room =
      table < STREAM_RAW_MAX ? (STREAM_RAW_MAX - table) / CACHE_PAGE_SIZE : 0;
  room = room < STREAM_PAGES_MAX ? room : STREAM_PAGES_MAX;
  return room > writer->common.pages ? room - writer->common.pages : 0;
}

static int put_at_places(struct stream_writer *writer, const void *data,
                         size_t count, const struct stream_common_place *places,
                         size_t place_count, struct hwckpt_error *error) {
  const unsigned char *from = data;
  for (size_t done = 0, part; done < count; done += part) {
    part = common_room(writer, place_count);
    if (!part) {
      int failed = settle(writer, error);
      if (failed)
        return failed;
      writer->kind = STREAM_COMMON;
      part = common_room(writer, place_count);
    }
    part = part < count - done ? part : count - done;
    for (size_t i = 0; i < place_count; i++)
      writer->places[writer->common.places++] = (struct stream_place){
          (uint32_t)places[i].process, (uint16_t)writer->common.pages,
          (uint16_t)part, places[i].address + done * CACHE_PAGE_SIZE};
    memcpy(writer->raw + writer->used, from + done * CACHE_PAGE_SIZE,
           part * CACHE_PAGE_SIZE);
    writer->used += part * CACHE_PAGE_SIZE;
    writer->common.pages += (uint32_t)part;
    writer->totals.pages += part;
  }
  return 0;
}

int stream_put_common(struct stream_writer *writer, const void *data,
                      size_t count, const struct stream_common_place *places,
                      size_t place_count, struct hwckpt_error *error) {
  int failed = 0;
  for (size_t i = 0; i < place_count && !failed; i += PLACES_AT_ONCE) {
    size_t part = place_count - i;
    part = part < PLACES_AT_ONCE ? part : PLACES_AT_ONCE;
    failed = put_at_places(writer, data, count, places + i, part, error);
  }
  return failed;
}

int stream_next(struct stream_writer *writer,
                const struct stream_identity *identity,
                struct hwckpt_error *error) {
  const struct stream_begin begin = begin_of(identity);
  int failed = settle(writer, error);
  if (!failed)
    failed = write_chunk(writer, STREAM_NEXT, &writer->totals,
                         sizeof writer->totals, error);
  writer->totals = (struct stream_totals){0};
  return failed
             ? failed
             : write_chunk(writer, STREAM_BEGIN, &begin, sizeof begin, error);
}

int stream_end(struct stream_writer *writer, int failed,
               struct hwckpt_error *error) {
  if (!failed)
    failed = settle(writer, error);
  if (!failed)
    failed = write_chunk(writer, STREAM_END, &writer->totals,
                         sizeof writer->totals, error);
  free_writer(writer);
  return failed;
}
