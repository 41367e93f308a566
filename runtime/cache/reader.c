/* reader.c - opening a generation and the chain below it; its records;
 * verifying every byte of one.
 *
 * Invariant: of an opened reader every generation of the chain had, at the time
 * of opening, a whole header, commit record and, where it was loaded, index,
 * and each names the identity of the one below it: chains of two applications,
 * or of two pasts of one, cannot be mixed.
 */
#include "reader.h"

#include "blocks.h"
#include "space.h"

#include <string.h>

/* ---- frames outside replay ---- */

/* Reads the frames from `first` on and has each visited, until that returns
 * non-zero, which is then returned. */
static int each_frame(const struct image *image,
                      const struct image_index *index, uint64_t first,
                      bool from_flash,
                      int (*visit)(const struct format_frame *frame,
                                   const unsigned char *data, void *context),
                      void *context, struct hwckpt_error *error) {
  const CacheCommit *commit = &image->commit;
  struct frame_reader frames;
  uint64_t end = commit->page_frames + commit->record_frames;
  if (first == end)
    return 0;
  int result = frame_reader_open(&frames, image->cache, image->application,
                                 image->directory, error);
  frames.from_flash = from_flash;
  while (first < end && result == 0) {
    const unsigned char *data[FRAME_BATCH];
    unsigned count = 1;
    while (count < FRAME_BATCH && first + count < end &&
           frame_follows(&index->frames[first + count - 1],
                         &index->frames[first + count]))
      count++;
    result = frame_reader_read(&frames, image, index, first, count, NULL, data,
                               error);
    for (unsigned i = 0; i < count && result == 0; i++)
      result = visit(&index->frames[first + i], data[i], context);
    first += count;
  }
  frame_reader_close(&frames);
  return result;
}

struct reading {
  const struct image *image;
  struct buffer *records;
  struct hwckpt_error *error;
};

static int add_records(const struct format_frame *frame,
                       const unsigned char *data, void *context) {
  const struct reading *reading = context;
  struct place place = image_place(reading->image);
  return buffer_append(reading->image->cache->env, reading->records, data,
                       frame->raw)
             ? 0
             : place_fail(&place, reading->error, HWCKPT_E_RESTORE_MEMORY, 0,
                          "records");
}

int image_read_records(const struct image *image,
                       const struct image_index *index, struct buffer *records,
                       struct hwckpt_error *error) {
  struct reading reading = {image, records, error};
  return each_frame(image, index, image->commit.page_frames, false, add_records,
                    &reading, error);
}

/* Finds where each record begins. */
static int find_records(struct cache_reader *reader, const struct image *image,
                        struct hwckpt_error *error) {
  const struct cache_env *env = reader->cache->env;
  struct place place = image_place(image);
  const unsigned char *stream = reader->records.data;
  size_t length = reader->records.length;
  for (size_t at = 0; at < length;) {
    struct format_record record;
    bool fits = length - at >= sizeof(record);
    if (fits) {
      memcpy(&record, stream + at, sizeof(record));
      fits = record.length <= FORMAT_RECORD_MAX &&
             record.length <= length - at - sizeof(record);
    }
    if (!fits)
      return place_damaged(&place, error, image->commit.index_offset,
                           "records do not fit their stream");
    if (!buffer_append(env, &reader->found, &at, sizeof(at)))
      return place_fail(&place, error, HWCKPT_E_RESTORE_MEMORY, 0, "records");
    at += sizeof(record) + record.length;
  }
  return 0;
}

/* ---- the chain ---- */

void describe_generation(struct cache_generation *generation,
                         const CacheHeader *header, const CacheCommit *commit) {
  memset(generation, 0, sizeof(*generation));
  memcpy(generation->application, header->application,
         sizeof(generation->application));
  generation->number = header->number;
  generation->parent = header->parent;
  generation->identity = header->identity;
  generation->encrypted = header->encrypted;
  generation->commit_ns = commit->commit_ns;
  generation->pages = commit->pages;
  generation->bytes = commit->file_length + commit->segment_bytes;
  generation->raw_bytes = commit->raw_bytes;
  generation->put_pages = commit->put_pages;
  generation->zero_pages = commit->zero_pages;
  generation->same_pages = commit->same_pages;
  generation->merged = commit->merged;
  generation->total_written = commit->total_written;
  generation->total_put = commit->total_put;
  generation->counted_since_ns = commit->counted_since_ns;
}

void image_describe(const struct image *image,
                    struct cache_generation *generation) {
  describe_generation(generation, &image->header, &image->commit);
  /* Known of a damaged one as well. */
  memcpy(generation->application, image->application,
         sizeof(generation->application));
  generation->number = image->number;
  generation->identity = image->identity;
  generation->bytes = image->size + image->commit.segment_bytes;
}

static int open_first(struct cache_reader *reader, const struct image *image,
                      const struct image_index *index,
                      struct hwckpt_error *error) {
  image_describe(image, &reader->generation);
  int result = image_read_records(image, index, &reader->records, error);
  if (result == 0)
    result = find_records(reader, image, error);
  if (result == 0)
    result = restores_read(image, reader->directory,
                           &reader->generation.restores, error);
  return result;
}

/* Of which generations the index is kept: of none, for the records alone; of
 * the first; of all. */
enum indexes { INDEX_NONE, INDEX_FIRST, INDEX_ALL };

/* Adds an opened generation to the chain; with its index, and its records when
 * it is the first. */
static int add_link(struct cache_reader *reader, const struct image *image,
                    enum indexes indexes, struct hwckpt_error *error) {
  const struct cache_env *env = reader->cache->env;
  struct place place = image_place(image);
  struct chain_link link = {.number = image->number,
                            .checksum = image->checksum,
                            .identity = image->identity,
                            .in_log = image_is_in_log(image),
                            .frame_pages = image->commit.frame_pages,
                            .page_frames = image->commit.page_frames};
  size_t i = cache_reader_chain(reader);
  link.loaded = indexes == INDEX_ALL || (indexes == INDEX_FIRST && i == 0);
  if (!buffer_append(env, &reader->chain, &link, sizeof(link)))
    return place_fail(&place, error, HWCKPT_E_RESTORE_MEMORY, 0, "chain");
  struct image_index *index = &reader_link(reader, i)->index;
  int result = 0;
  if (link.loaded)
    result = image_load_index(image, index, error);
  else if (i == 0)
    result = image_load_frames(image, index, error);
  return result == 0 && i == 0 ? open_first(reader, image, index, error)
                               : result;
}

static int open_chain(struct cache_reader *reader, const char *application,
                      uint64_t number, enum indexes indexes,
                      struct hwckpt_error *error) {
  struct image image;
  int result = image_open(&image, reader->cache, application, reader->directory,
                          number, error);
  /* Ends: a parent's number is always below its child's. */
  while (result == 0) {
    result = add_link(reader, &image, indexes, error);
    struct image above = image;
    image_close(&image);
    if (result < 0 || above.header.parent == 0)
      return result;
    result = image_open_parent(&image, &above, error);
  }
  return result;
}

static int open_reader(struct cache *cache, const char *application,
                       uint64_t number, enum indexes indexes,
                       struct cache_reader **result,
                       struct hwckpt_error *error) {
  *result = NULL;
  int directory;
  int status = directory_open(cache, application, &directory, error);
  if (status < 0)
    return status;
  struct cache_reader *reader = cache->env->map(sizeof(*reader));
  if (!reader) {
    cache->env->io->close(directory);
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, application,
                       "opening a generation");
  }
  reader->cache = cache;
  reader->directory = directory;
  status = space_keep(cache, application, &reader->kept, error);
  if (status == 0)
    status = open_chain(reader, application, number, indexes, error);
  if (status < 0) {
    cache_reader_close(reader);
    return status;
  }
  *result = reader;
  return 0;
}

int cache_reader_open(struct cache *cache, const char *application,
                      uint64_t number, struct cache_reader **result,
                      struct hwckpt_error *error) {
  return open_reader(cache, application, number, INDEX_ALL, result, error);
}

int cache_reader_open_newest(struct cache *cache, const char *application,
                             uint64_t number, struct cache_reader **result,
                             struct hwckpt_error *error) {
  return open_reader(cache, application, number, INDEX_FIRST, result, error);
}

int cache_reader_open_records(struct cache *cache, const char *application,
                              uint64_t number, struct cache_reader **result,
                              struct hwckpt_error *error) {
  return open_reader(cache, application, number, INDEX_NONE, result, error);
}

void cache_reader_let_go(struct cache_reader *reader) {
  space_let_go(reader->cache, reader->kept);
  reader->kept = -1;
}

void cache_reader_close(struct cache_reader *reader) {
  if (!reader)
    return;
  const struct cache_env *env = reader->cache->env;
  cache_reader_let_go(reader);
  env->io->close(reader->directory);
  for (size_t i = 0; i < cache_reader_chain(reader); i++)
    index_free(env, &reader_link(reader, i)->index);
  buffer_free(env, &reader->chain);
  buffer_free(env, &reader->records);
  buffer_free(env, &reader->found);
  env->unmap(reader, sizeof(*reader));
}

const struct cache_generation *
cache_reader_generation(const struct cache_reader *reader) {
  return &reader->generation;
}

unsigned cache_reader_chain(const struct cache_reader *reader) {
  return (unsigned)(reader->chain.length / sizeof(struct chain_link));
}

bool cache_reader_record(const struct cache_reader *reader, size_t i,
                         uint32_t *type, const void **data, size_t *length) {
  if (i >= reader->found.length / sizeof(size_t))
    return false;
  const unsigned char *at = (const unsigned char *)reader->records.data +
                            ((const size_t *)reader->found.data)[i];
  struct format_record record;
  memcpy(&record, at, sizeof(record));
  *type = record.type;
  *data = at + sizeof(record);
  *length = record.length;
  return true;
}

int reader_open_link(struct cache_reader *reader, size_t i, struct image *image,
                     struct hwckpt_error *error) {
  const struct chain_link *link = reader_link(reader, i);
  int result = image_open(image, reader->cache, reader->generation.application,
                          reader->directory, link->number, error);
  if (result == 0 && image->checksum != link->checksum) {
    image_close(image);
    return image_fail_chain(image, link->number, "is not the one it was",
                            error);
  }
  return result;
}

int reader_load_index(struct cache_reader *reader, size_t i,
                      struct hwckpt_error *error) {
  struct chain_link *link = reader_link(reader, i);
  struct image image;
  if (link->loaded)
    return 0;
  int result = reader_open_link(reader, i, &image, error);
  if (result < 0)
    return result;
  result = image_load_index(&image, &link->index, error);
  image_close(&image);
  link->loaded = result == 0;
  return result;
}

int cache_reader_load(struct cache_reader *reader, struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < cache_reader_chain(reader) && result == 0; i++)
    result = reader_load_index(reader, i, error);
  return result;
}

/* ---- verifying ---- */

struct verifying {
  const struct image *image;
  const struct format_page_hash *hash; /* of the next page that has one */
  struct hwckpt_error *error;
};

/* What is stored is what was written, as its checksum says; this is whether
 * that is what was to be written. */
static int verify_frame(const struct format_frame *frame,
                        const unsigned char *data, void *context) {
  struct verifying *verifying = context;
  const struct image *image = verifying->image;
  struct place place = image_place(image);
  if (!(frame->flags & FORMAT_FRAME_HASHED))
    return 0;
  for (size_t at = 0; at < frame->raw; at += CACHE_PAGE_SIZE) {
    struct format_page_hash is =
        format_hash_page(data + at, image->commit.hash_seed);
    if (memcmp(&is, verifying->hash++, sizeof(is)) != 0)
      return place_damaged(&place, verifying->error, frame->offset,
                           "a page is not what its hash says");
  }
  return 0;
}

static int verify_image(const struct image *image, struct hwckpt_error *error) {
  struct image_index index = {0};
  struct buffer hashes = {0};
  unsigned restores;
  int result = image_load_index(image, &index, error);
  if (result == 0)
    result = image_load_hashes(image, &hashes, error);
  struct verifying verifying = {image, hashes.data, error};
  if (result == 0)
    result =
        each_frame(image, &index, 0, true, verify_frame, &verifying, error);
  if (result == 0)
    result = restores_read(image, image->directory, &restores, error);
  buffer_free(image->cache->env, &hashes);
  index_free(image->cache->env, &index);
  return result;
}

/* That what it builds on is there, and the one that it was. Whether that is
 * whole is for itself to tell. */
static int verify_parent(const struct image *image,
                         struct hwckpt_error *error) {
  struct image parent;
  struct hwckpt_error broken;
  if (image->header.parent == 0)
    return 0;
  int result = image_open_parent(&parent, image, &broken);
  if (result == 0)
    image_close(&parent);
  if (result != -HWCKPT_E_CHAIN_BROKEN)
    return 0;
  if (error)
    *error = broken;
  return result;
}

int cache_verify(struct cache *cache, const char *application, uint64_t number,
                 struct hwckpt_error *error) {
  int directory, kept;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = space_keep(cache, application, &kept, error);
  if (result == 0) {
    struct image image;
    result = image_open(&image, cache, application, directory, number, error);
    if (result == 0)
      result = verify_image(&image, error);
    if (result == 0)
      result = verify_parent(&image, error);
    image_close(&image);
    space_let_go(cache, kept);
  }
  cache->env->io->close(directory);
  return result;
}
