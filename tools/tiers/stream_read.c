/* stream_read.c - reading a stream from anyone.
 *
 * Invariant: memory does not depend on what a stream says: a chunk has a bound,
 * and a record one.
 */
#include "stream_format.h"

#include "runtime/cache/codec.h"
#include "runtime/cache/format.h"

#include <stdlib.h>
#include <string.h>

struct reader {
  const struct stream_source *source;
  const struct stream_visitor *visitor;
  struct hwckpt_error *error;
  uint64_t at;         /* byte of the stream */
  struct seal_key key; /* of the stream, when it is sealed */
  bool sealed;
  uint32_t version;
  size_t processes; /* that began */
  struct stream_checksum checksum;
  struct stream_totals totals;
  bool has_pages, has_common;
  struct decoder *decoder;
  void *workspace;
  struct stream_chunk chunk;
  unsigned char encrypted[STREAM_RAW_MAX + SEAL_MORE];
  unsigned char stored[STREAM_RAW_MAX], raw[STREAM_RAW_MAX];
  /* Of the record that is being joined: head and bytes. */
  size_t joined;
  unsigned char record[sizeof(struct format_record) + FORMAT_RECORD_MAX];
};

static int damaged(const struct reader *reader, const char *what) {
  return hwckpt_fail(reader->error, HWCKPT_E_STREAM_DAMAGED, 0,
                     reader->source->name, "at byte %llu: %s",
                     (unsigned long long)reader->at, what);
}

static int read_some(const struct reader *reader, void *data, size_t length,
                     size_t *got) {
  int failed = 0;
  size_t part;
  *got = 0;
  while (*got < length) {
    failed = reader->source->read(reader->source->context,
                                  (unsigned char *)data + *got, length - *got,
                                  &part, reader->error);
    if (failed || !part)
      break;
    *got += part;
  }
  return failed;
}

static int read_all(struct reader *reader, void *data, size_t length) {
  size_t got;
  int failed = read_some(reader, data, length, &got);
  if (failed)
    return failed;
  if (got < length)
    return hwckpt_fail(reader->error, HWCKPT_E_STREAM_TRUNCATED, 0,
                       reader->source->name, "it ends at byte %llu",
                       (unsigned long long)reader->at + got);
  reader->at += length;
  return 0;
}

/* The stream's own key. Somebody who has none must not be able to put a plain
 * stream in the place of an encrypted one. */
static int read_key(struct reader *reader) {
  const struct stream_source *source = reader->source;
  struct seal_wrapped wrapped;
  if (!reader->sealed)
    return source->key ? hwckpt_fail(reader->error, HWCKPT_E_NOT_ENCRYPTED, 0,
                                     source->name, "%s", "")
                       : 0;
  int failed = read_all(reader, &wrapped, sizeof wrapped);
  if (failed)
    return failed;
  if (!seal_is_whole(&wrapped))
    return damaged(reader, "checksum of its key");
  if (!source->key)
    return hwckpt_fail(reader->error, HWCKPT_E_KEY_NEEDED, 0, source->name,
                       "%s", "");
  return seal_unwrap(source->key, &wrapped, &reader->key)
             ? 0
             : hwckpt_fail(reader->error, HWCKPT_E_KEY_WRONG, 0, source->name,
                           "%s", "");
}

static int read_head(struct reader *reader) {
  struct stream_head head;
  size_t got;
  int failed = read_some(reader, &head, sizeof head, &got);
  if (failed)
    return failed;
  if (got < sizeof head ||
      memcmp(head.magic, STREAM_MAGIC, sizeof head.magic) != 0)
    return hwckpt_fail(reader->error, HWCKPT_E_STREAM_FORMAT, 0,
                       reader->source->name, "it does not begin as one");
  reader->sealed = head.flags == STREAM_SEALED;
  reader->version = head.version;
  if (head.version < STREAM_VERSION || head.version > STREAM_VERSION_COMMON ||
      head.flags > STREAM_SEALED)
    return hwckpt_fail(reader->error, HWCKPT_E_STREAM_FORMAT, 0,
                       reader->source->name, "version %u, flags %u",
                       head.version, head.flags);
  reader->at = sizeof head;
  reader->checksum =
      stream_sum((struct stream_checksum){0}, &head, sizeof head, "", 0);
  return read_key(reader);
}

/* The payload, decrypted; `length` bytes of it. */
static int read_payload(struct reader *reader, unsigned char *room,
                        size_t length) {
  struct stream_chunk *chunk = &reader->chunk;
  unsigned char *payload = reader->sealed ? reader->encrypted : room;
  const struct stream_checksum before = reader->checksum;
  int failed = read_all(reader, payload, chunk->stored);
  if (failed)
    return failed;
  struct stream_checksum sum =
      stream_sum(before, chunk, STREAM_CHUNK_SUMMED, payload, chunk->stored);
  if (sum.low != chunk->checksum.low || sum.high != chunk->checksum.high)
    return damaged(reader, "checksum before it");
  reader->checksum = sum;
  const struct stream_bound bound = stream_bind(chunk, before);
  if (reader->sealed && !seal_decrypt(&reader->key, &bound, sizeof bound,
                                      payload, length + SEAL_MORE, room))
    return damaged(reader, "what is encrypted before it was altered");
  return 0;
}

/* The next chunk, checked and decoded into raw. */
static int read_chunk(struct reader *reader) {
  struct stream_chunk *chunk = &reader->chunk;
  int failed = read_all(reader, chunk, sizeof *chunk);
  if (failed)
    return failed;
  size_t more = reader->sealed ? SEAL_MORE : 0;
  if (!chunk->raw || chunk->raw > STREAM_RAW_MAX || chunk->stored <= more ||
      chunk->stored - more > chunk->raw || chunk->flags)
    return damaged(reader, "lengths of a chunk");
  size_t length = chunk->stored - more;
  bool coded = length < chunk->raw;
  failed = read_payload(reader, coded ? reader->stored : reader->raw, length);
  if (!failed && coded &&
      !decoder_decode(reader->decoder, reader->raw, chunk->raw, reader->stored,
                      length))
    failed = damaged(reader, "coding before it");
  return failed;
}

/* ---- what chunks hold ---- */

static bool good_name(const char *name, bool part) {
  return part ? format_valid_part(name) : format_valid_application(name);
}

static int take_begin(struct reader *reader, bool part) {
  struct stream_begin begin;
  if (reader->chunk.kind != STREAM_BEGIN || reader->chunk.raw != sizeof begin)
    return damaged(reader, "it does not say what it is of");
  memcpy(&begin, reader->raw, sizeof begin);
  begin.application[sizeof begin.application - 1] = 0;
  if (!good_name(begin.application, part) || !begin.number ||
      begin.number > STREAM_NUMBER_MAX || begin.parent >= begin.number ||
      (!begin.parent && begin.parent_identity) ||
      (reader->version == STREAM_VERSION_TREE && begin.parent))
    return damaged(reader, "a generation that cannot be");
  struct stream_identity identity = {
      .tree = reader->version != STREAM_VERSION,
      .part = part,
      .number = begin.number,
      .identity = begin.identity,
      .parent = begin.parent,
      .parent_identity = begin.parent_identity,
      .commit_ns = begin.commit_ns,
  };
  memcpy(identity.application, begin.application, sizeof begin.application);
  reader->processes++;
  const struct stream_visitor *visitor = reader->visitor;
  return visitor->begin ? visitor->begin(&identity, visitor->context) : 0;
}

static int end_record(struct reader *reader, const struct format_record *head) {
  const struct stream_visitor *visitor = reader->visitor;
  reader->joined = 0;
  return visitor->record
             ? visitor->record(head->type, reader->record + sizeof *head,
                               head->length, visitor->context)
             : 0;
}

/* Records go on over chunks. */
static int take_records(struct reader *reader) {
  size_t length = reader->chunk.raw;
  const unsigned char *from = reader->raw;
  reader->totals.record_bytes += length;
  if (reader->totals.record_bytes > FORMAT_RECORDS_MAX)
    return damaged(reader, "too many records");
  while (length) {
    struct format_record head = {0};
    bool known = reader->joined >= sizeof head;
    if (known)
      memcpy(&head, reader->record, sizeof head);
    size_t wanted = sizeof head + head.length - reader->joined;
    size_t part = wanted < length ? wanted : length;
    memcpy(reader->record + reader->joined, from, part);
    reader->joined += part;
    from += part;
    length -= part;
    if (!known && reader->joined == sizeof head)
      memcpy(&head, reader->record, sizeof head);
    if (head.length > FORMAT_RECORD_MAX)
      return damaged(reader, "a record that is too long");
    if (reader->joined < sizeof head ||
        reader->joined < sizeof head + head.length)
      continue;
    int failed = end_record(reader, &head);
    if (failed)
      return failed;
  }
  return 0;
}

static bool good_range(uint64_t begin, uint64_t end) {
  return begin % CACHE_PAGE_SIZE == 0 && end % CACHE_PAGE_SIZE == 0 &&
         begin < end && end <= STREAM_NUMBER_MAX;
}

static int take_holes(struct reader *reader) {
  const struct stream_visitor *visitor = reader->visitor;
  struct stream_range range;
  int failed = 0;
  if (reader->chunk.raw % sizeof range || reader->has_pages ||
      reader->has_common)
    return damaged(reader, "holes that do not belong here");
  for (size_t at = 0; at < reader->chunk.raw && !failed; at += sizeof range) {
    memcpy(&range, reader->raw + at, sizeof range);
    if (!good_range(range.begin, range.end))
      return damaged(reader, "a hole that cannot be");
    reader->totals.holes++;
    if (visitor->hole)
      failed = visitor->hole(range.begin, range.end, visitor->context);
  }
  return failed;
}

static bool good_pages(const struct reader *reader,
                       const struct stream_pages *pages) {
  struct stream_run run;
  uint64_t sum = 0;
  if (!pages->runs || pages->runs > pages->pages ||
      pages->pages > STREAM_PAGES_MAX ||
      reader->chunk.raw != sizeof *pages + pages->runs * sizeof run +
                               (size_t)pages->pages * CACHE_PAGE_SIZE)
    return false;
  for (uint32_t i = 0; i < pages->runs; i++) {
    memcpy(&run, reader->raw + sizeof *pages + i * sizeof run, sizeof run);
    if (!run.pages || run.pages > pages->pages - sum ||
        run.address > STREAM_NUMBER_MAX ||
        !good_range(run.address, run.address + run.pages * CACHE_PAGE_SIZE))
      return false;
    sum += run.pages;
  }
  return sum == pages->pages;
}

static int take_pages(struct reader *reader) {
  const struct stream_visitor *visitor = reader->visitor;
  struct stream_pages pages = {0};
  struct stream_run run;
  int failed = 0;
  if (reader->chunk.raw >= sizeof pages)
    memcpy(&pages, reader->raw, sizeof pages);
  if (!good_pages(reader, &pages) || reader->has_common)
    return damaged(reader, "pages that cannot be");
  const unsigned char *at = reader->raw + sizeof pages;
  const unsigned char *data = at + pages.runs * sizeof run;
  reader->has_pages = true;
  reader->totals.pages += pages.pages;
  for (uint32_t i = 0; i < pages.runs && !failed; i++) {
    memcpy(&run, at + i * sizeof run, sizeof run);
    if (visitor->pages)
      failed = visitor->pages(run.address, data, (size_t)run.pages,
                              visitor->context);
    data += run.pages * CACHE_PAGE_SIZE;
  }
  return failed;
}

static bool good_place(const struct reader *reader,
                       const struct stream_common *common,
                       const struct stream_place *place) {
  return place->process < reader->processes && place->pages &&
         place->first < common->pages &&
         place->pages <= common->pages - place->first &&
         place->address <= STREAM_NUMBER_MAX &&
         good_range(place->address,
                    place->address + (uint64_t)place->pages * CACHE_PAGE_SIZE);
}

static bool good_common(const struct reader *reader,
                        const struct stream_common *common) {
  struct stream_place place;
  if (!common->places || common->places > STREAM_RAW_MAX / sizeof place ||
      !common->pages || common->pages > STREAM_PAGES_MAX ||
      reader->chunk.raw != sizeof *common + common->places * sizeof place +
                               (size_t)common->pages * CACHE_PAGE_SIZE)
    return false;
  for (uint32_t i = 0; i < common->places; i++) {
    memcpy(&place, reader->raw + sizeof *common + i * sizeof place,
           sizeof place);
    if (!good_place(reader, common, &place))
      return false;
  }
  return true;
}

static int take_common(struct reader *reader) {
  const struct stream_visitor *visitor = reader->visitor;
  struct stream_common common = {0};
  struct stream_place place;
  int failed = 0;
  if (reader->chunk.raw >= sizeof common)
    memcpy(&common, reader->raw, sizeof common);
  if (reader->version != STREAM_VERSION_COMMON || !good_common(reader, &common))
    return damaged(reader, "pages in common that cannot be");
  const unsigned char *at = reader->raw + sizeof common;
  const unsigned char *data = at + common.places * sizeof place;
  reader->has_common = true;
  reader->totals.pages += common.pages;
  for (uint32_t i = 0; i < common.places && !failed; i++) {
    memcpy(&place, at + i * sizeof place, sizeof place);
    if (visitor->common)
      failed = visitor->common(place.process, place.address,
                               data + (size_t)place.first * CACHE_PAGE_SIZE,
                               place.pages, visitor->context);
  }
  return failed;
}

/* The end of a process: nothing may be missing. */
static int take_totals(struct reader *reader) {
  return reader->chunk.raw != sizeof reader->totals || reader->joined ||
                 memcmp(reader->raw, &reader->totals, sizeof reader->totals) !=
                     0
             ? damaged(reader, "it is not what it says it is at its end")
             : 0;
}

static int take_next(struct reader *reader) {
  int failed = reader->version != STREAM_VERSION && !reader->has_common
                   ? take_totals(reader)
                   : damaged(reader, "another process");
  if (!failed)
    failed = read_chunk(reader);
  reader->totals = (struct stream_totals){0};
  reader->has_pages = false;
  return failed ? failed : take_begin(reader, true);
}

/* The last: nothing may follow. */
static int take_end(struct reader *reader) {
  size_t got;
  int failed = take_totals(reader);
  if (!failed)
    failed = read_some(reader, reader->raw, 1, &got);
  if (failed)
    return failed;
  return got ? damaged(reader, "something follows its end") : 0;
}

static int read_chunks(struct reader *reader) {
  int failed = read_head(reader);
  if (!failed)
    failed = read_chunk(reader);
  if (!failed)
    failed = take_begin(reader, false);
  bool ended = false;
  while (!failed && !ended && !(failed = read_chunk(reader)))
    switch (reader->chunk.kind) {
    case STREAM_RECORDS:
      failed = take_records(reader);
      break;
    case STREAM_HOLES:
      failed = take_holes(reader);
      break;
    case STREAM_PAGES:
      failed = take_pages(reader);
      break;
    case STREAM_COMMON:
      failed = take_common(reader);
      break;
    case STREAM_NEXT:
      failed = take_next(reader);
      break;
    case STREAM_END:
      failed = take_end(reader);
      ended = true;
      break;
    default:
      failed = damaged(reader, "a chunk of an unknown kind");
    }
  return failed;
}

int stream_read(const struct stream_source *source,
                const struct stream_visitor *visitor,
                struct hwckpt_error *error) {
  struct reader *reader = calloc(1, sizeof *reader);
  size_t size = codec_decoder_size();
  if (reader && (reader->workspace = malloc(size)))
    reader->decoder = decoder_init(reader->workspace, size);
  int failed;
  if (reader && reader->decoder) {
    reader->source = source;
    reader->visitor = visitor;
    reader->error = error;
    failed = read_chunks(reader);
  } else
    failed = hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, source->name,
                         "reading a stream");
  if (reader) {
    free(reader->workspace);
    explicit_bzero(reader, sizeof *reader);
  }
  free(reader);
  return failed;
}
