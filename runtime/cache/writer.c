/* writer.c - beginning a generation, and putting pages, holes and records.
 *
 * Pages are collected in frames in the order they come, whatever their
 * addresses, so that scattered pages are coded as well as contiguous ones. The
 * index is made from `put` when the generation is committed.
 */
#include "writer.h"

#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct place writer_place(const struct cache_writer *writer) {
  return (struct place){writer->cache, writer->application, writer->temporary};
}

/* ---- output ---- */

/* Reserves flash ahead of the writes, doubling, so that the file lies in few
 * pieces and its blocks are not allocated one write at a time. A refusal costs
 * speed only: the writes tell when there is really no room. */
#define ALLOCATE_FIRST (UINT64_C(8) << 20)
#define ALLOCATE_MOST (UINT64_C(256) << 20)
#define ALLOCATE_KEEP_SIZE 1 /* FALLOC_FL_KEEP_SIZE */

static void allocate_ahead(struct cache_writer *writer, uint64_t end) {
  if (end <= writer->allocated)
    return;
  uint64_t step = writer->allocated;
  if (step < ALLOCATE_FIRST)
    step = ALLOCATE_FIRST;
  if (step > ALLOCATE_MOST)
    step = ALLOCATE_MOST;
  int result = writer->cache->env->io->fallocate(writer->fd, ALLOCATE_KEEP_SIZE,
                                                 writer->allocated, step);
  writer->allocated = result < 0 ? UINT64_MAX : writer->allocated + step;
}

/* Writes the first `length` bytes of the output buffer. */
static int write_output(struct cache_writer *writer, size_t length,
                        struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  int result = io_write(&place, writer->fd, writer->output, length,
                        writer->written, error);
  if (result < 0)
    return writer->failed = result;
  writer->written += length;
  writer->output_length -= length;
  memmove(writer->output, writer->output + length, writer->output_length);
  return 0;
}

/* Keeps the buffer below WRITER_OUTPUT, in writes of exactly that. */
static int drain_output(struct cache_writer *writer,
                        struct hwckpt_error *error) {
  while (writer->output_length >= WRITER_OUTPUT) {
    allocate_ahead(writer, writer->written + WRITER_OUTPUT);
    int result = write_output(writer, WRITER_OUTPUT, error);
    if (result < 0)
      return result;
  }
  return 0;
}

int writer_flush(struct cache_writer *writer, struct hwckpt_error *error) {
  return write_output(writer, writer->output_length, error);
}

int writer_put_bytes(struct cache_writer *writer, const void *data,
                     size_t length, struct hwckpt_error *error) {
  const unsigned char *from = data;
  while (length) {
    size_t part = WRITER_OUTPUT - writer->output_length;
    if (part > length)
      part = length;
    memcpy(writer->output + writer->output_length, from, part);
    writer->output_length += part;
    from += part;
    length -= part;
    int result = drain_output(writer, error);
    if (result < 0)
      return result;
  }
  return 0;
}

/* ---- frames ---- */

static int no_memory(struct cache_writer *writer, struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  return writer->failed = place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                                     "no room for the index");
}

int writer_put_frame(struct cache_writer *writer, const void *data,
                     size_t length, struct hwckpt_error *error) {
  unsigned char *out = writer->output + writer->output_length;
  size_t stored =
      writer->encoder ? encoder_encode(writer->encoder, out, data, length) : 0;
  if (stored == 0) {
    memcpy(out, data, length);
    stored = length;
  }
  struct format_frame frame = {(uint32_t)stored, (uint32_t)length,
                               format_hash(out, stored)};
  if (!buffer_append(writer->cache->env, &writer->frames, &frame,
                     sizeof(frame)))
    return no_memory(writer, error);
  writer->output_length += stored;
  return drain_output(writer, error);
}

/* Puts `count` pages into frames. */
static int put_stored(struct cache_writer *writer, uint64_t address,
                      const unsigned char *data, size_t count,
                      struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  if (count > FORMAT_SLOTS_MAX - writer->slots)
    return writer->failed = place_fail(&place, error, HWCKPT_E_CAPTURE, EFBIG,
                                       "more than %llu pages in one generation",
                                       (unsigned long long)FORMAT_SLOTS_MAX);
  struct span span = {address, address + count * CACHE_PAGE_SIZE,
                      writer->slots};
  if (!spans_append(writer->cache->env, &writer->put, span))
    return no_memory(writer, error);

  while (count) {
    size_t used = WRITER_FRAME_USED(writer);
    size_t part = FORMAT_FRAME_PAGES - used;
    if (part > count)
      part = count;
    /* A whole frame is coded from where it lies. */
    const unsigned char *whole = data;
    if (part < FORMAT_FRAME_PAGES) {
      memcpy(writer->frame + used * CACHE_PAGE_SIZE, data,
             part * CACHE_PAGE_SIZE);
      whole = writer->frame;
    }
    writer->slots += part;
    if (used + part == FORMAT_FRAME_PAGES) {
      int result = writer_put_frame(writer, whole, FORMAT_FRAME_BYTES, error);
      if (result < 0)
        return result;
    }
    data += part * CACHE_PAGE_SIZE;
    count -= part;
  }
  return 0;
}

/* ---- beginning ---- */

static int put_header(struct cache_writer *writer, uint64_t parent_commit,
                      struct hwckpt_error *error) {
  CacheHeader header = CacheHeader_init_zero;
  memcpy(header.application, writer->application, sizeof(header.application));
  header.number = writer->number;
  header.parent = writer->parent;
  header.parent_commit = parent_commit;
  unsigned char message[FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  size_t length = format_encode_header(&header, message);
  format_seal(&tag, FORMAT_MAGIC_HEADER, message, length);
  writer->header_checksum = tag.checksum;
  int result = writer_put_bytes(writer, &tag, sizeof(tag), error);
  return result < 0 ? result : writer_put_bytes(writer, message, length, error);
}

/* Reads what the header says of the parent, which must be whole. */
static int find_parent(struct cache_writer *writer, uint64_t *commit,
                       struct hwckpt_error *error) {
  *commit = 0;
  if (writer->parent == 0)
    return 0;
  struct image image;
  int result = image_open(&image, writer->cache, writer->application,
                          writer->directory, writer->parent, error);
  if (result < 0)
    return result;
  *commit = image.commit_checksum;
  image_close(&image);
  return 0;
}

static int find_number(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  const struct cache_env *env = writer->cache->env;
  struct buffer numbers = {0};
  int result = directory_numbers(writer->cache, writer->application,
                                 writer->directory, &numbers, error);
  size_t count = numbers.length / sizeof(uint64_t);
  writer->number = count ? ((const uint64_t *)numbers.data)[count - 1] + 1 : 1;
  buffer_free(env, &numbers);
  return result;
}

static int take_memory(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  const struct cache_env *env = writer->cache->env;
  writer->output = env->map(WRITER_OUTPUT + FORMAT_FRAME_BYTES);
  writer->frame = env->map(FORMAT_FRAME_BYTES);
  if (!writer->output || !writer->frame)
    return no_memory(writer, error);
  if (writer->level == CODEC_LEVEL_RAW)
    return 0;
  size_t size = codec_encoder_size(writer->level);
  writer->workspace = env->map(size);
  writer->workspace_size = size;
  if (!writer->workspace)
    return no_memory(writer, error);
  writer->encoder = encoder_init(writer->workspace, size, writer->level);
  return writer->encoder ? 0 : no_memory(writer, error);
}

static int create_file(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  format_generation_file(writer->file, writer->number,
                         FORMAT_SUFFIX_GENERATION);
  format_generation_file(writer->temporary, writer->number,
                         FORMAT_TEMPORARY_SUFFIX);
  int fd = writer->cache->env->io->openat(
      writer->directory, writer->temporary,
      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "create");
  writer->fd = fd;
  return 0;
}

static int begin(struct cache_writer *writer, struct hwckpt_error *error) {
  struct cache *cache = writer->cache;
  const char *application = writer->application;
  uint64_t parent_commit = 0;
  int result = directory_lock(cache, application, writer->directory,
                              &writer->lock, error);
  if (result == 0)
    result =
        directory_remove_stale(cache, application, writer->directory, error);
  if (result == 0)
    result = find_number(writer, error);
  if (result == 0)
    result = find_parent(writer, &parent_commit, error);
  if (result == 0)
    result = take_memory(writer, error);
  if (result == 0)
    result = create_file(writer, error);
  if (result == 0)
    result = put_header(writer, parent_commit, error);
  return result;
}

int cache_begin(struct cache *cache, const char *application,
                const struct cache_write_options *options,
                struct cache_writer **result, struct hwckpt_error *error) {
  *result = NULL;
  int directory;
  int status = directory_open(cache, application, &directory, error);
  if (status < 0)
    return status;
  struct cache_writer *writer = cache->env->map(sizeof(*writer));
  if (!writer) {
    cache->env->io->close(directory);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 0, application,
                       "beginning a generation");
  }
  writer->cache = cache;
  hwckpt_format(writer->application, sizeof(writer->application), "%s",
                application);
  writer->directory = directory;
  writer->lock = writer->fd = -1;
  writer->parent = options->parent;
  writer->level =
      options->level > CODEC_LEVEL_MAX ? CODEC_LEVEL_MAX : options->level;
  status = begin(writer, error);
  if (status < 0) {
    writer_end(writer, true);
    return status;
  }
  *result = writer;
  return 0;
}

uint64_t cache_writer_number(const struct cache_writer *writer) {
  return writer->number;
}

/* ---- putting ---- */

/* Every later call on a failed writer fails as the first did. */
static int check_writable(struct cache_writer *writer,
                          struct hwckpt_error *error) {
  if (writer->failed == 0)
    return 0;
  struct place place = writer_place(writer);
  return place_fail(&place, error, (enum hwckpt_code) - writer->failed, 0,
                    "writing it failed before");
}

static int check_range(struct cache_writer *writer, uint64_t address,
                       uint64_t length, struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  int result = check_writable(writer, error);
  if (result < 0)
    return result;
  if ((address | length) % CACHE_PAGE_SIZE == 0 &&
      length <= UINT64_MAX - address)
    return 0;
  return place_fail(&place, error, HWCKPT_E_CAPTURE, EINVAL,
                    "range 0x%llx + 0x%llx is not of pages",
                    (unsigned long long)address, (unsigned long long)length);
}

static bool is_zero_page(const unsigned char *page) {
  /* Most pages that are not zero differ early; the rest is for the vector
   * unit. */
  typedef uint64_t __attribute__((may_alias, aligned(1))) word;
  const word *words = (const word *)page;
  for (size_t block = 0; block < CACHE_PAGE_SIZE / 8; block += 64) {
    uint64_t any = 0;
    for (size_t i = 0; i < 64; i++)
      any |= words[block + i];
    if (any)
      return false;
  }
  return true;
}

static int check_pages(struct cache_writer *writer, uint64_t address,
                       size_t count, struct hwckpt_error *error) {
  if (count > UINT64_MAX / CACHE_PAGE_SIZE)
    count = UINT64_MAX / CACHE_PAGE_SIZE; /* refused by check_range() */
  return check_range(writer, address, (uint64_t)count * CACHE_PAGE_SIZE, error);
}

int cache_put_all_pages(struct cache_writer *writer, uint64_t address,
                        const void *data, size_t count,
                        struct hwckpt_error *error) {
  int result = check_pages(writer, address, count, error);
  return result < 0 || count == 0
             ? result
             : put_stored(writer, address, data, count, error);
}

int cache_put_pages(struct cache_writer *writer, uint64_t address,
                    const void *data, size_t count,
                    struct hwckpt_error *error) {
  int result = check_pages(writer, address, count, error);
  const unsigned char *pages = data;
  for (size_t i = 0; i < count && result == 0;) {
    size_t first = i;
    bool zero = is_zero_page(pages + first * CACHE_PAGE_SIZE);
    do
      i++;
    while (i < count && is_zero_page(pages + i * CACHE_PAGE_SIZE) == zero);
    uint64_t begin = address + first * CACHE_PAGE_SIZE;
    struct span span = {begin, address + i * CACHE_PAGE_SIZE, SPAN_NO_SLOT};
    if (!zero)
      result = put_stored(writer, begin, pages + first * CACHE_PAGE_SIZE,
                          i - first, error);
    else if (!spans_append(writer->cache->env, &writer->put, span))
      result = no_memory(writer, error);
  }
  return result;
}

int cache_put_hole(struct cache_writer *writer, uint64_t address,
                   uint64_t length, struct hwckpt_error *error) {
  int result = check_range(writer, address, length, error);
  struct span span = {address, address + length, SPAN_NO_SLOT};
  if (result == 0 && length &&
      !spans_append(writer->cache->env, &writer->holes, span))
    result = no_memory(writer, error);
  return result;
}

int cache_put_absent(struct cache_writer *writer, uint64_t address,
                     uint64_t length, struct hwckpt_error *error) {
  int result = check_range(writer, address, length, error);
  struct span span = {address, address + length, SPAN_NO_SLOT};
  if (result == 0 && length &&
      !spans_append(writer->cache->env, &writer->put, span))
    result = no_memory(writer, error);
  return result;
}

int cache_put_record(struct cache_writer *writer, uint32_t type,
                     const void *data, size_t length,
                     struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  const struct cache_env *env = writer->cache->env;
  struct format_record record = {type, (uint32_t)length};
  int result = check_writable(writer, error);
  if (result < 0)
    return result;
  if (length > FORMAT_RECORD_MAX ||
      writer->records.length + sizeof(record) + length > FORMAT_RECORDS_MAX)
    return place_fail(&place, error, HWCKPT_E_CAPTURE, EFBIG,
                      "record of %zu bytes after %zu bytes of records", length,
                      writer->records.length);
  if (!buffer_append(env, &writer->records, &record, sizeof(record)) ||
      !buffer_append(env, &writer->records, data, length))
    return no_memory(writer, error);
  return 0;
}

/* ---- ending ---- */

void writer_end(struct cache_writer *writer, bool remove) {
  struct cache *cache = writer->cache;
  const struct cache_env *env = cache->env;
  if (writer->fd >= 0) {
    env->io->close(writer->fd);
    if (remove)
      env->io->unlinkat(writer->directory, writer->temporary, 0);
  }
  directory_unlock(cache, writer->lock);
  env->io->close(writer->directory);
  if (writer->output)
    env->unmap(writer->output, WRITER_OUTPUT + FORMAT_FRAME_BYTES);
  if (writer->frame)
    env->unmap(writer->frame, FORMAT_FRAME_BYTES);
  if (writer->workspace)
    env->unmap(writer->workspace, writer->workspace_size);
  buffer_free(env, &writer->frames);
  spans_free(env, &writer->put);
  spans_free(env, &writer->holes);
  buffer_free(env, &writer->records);
  env->unmap(writer, sizeof(*writer));
}

void cache_abort(struct cache_writer *writer) {
  if (writer)
    writer_end(writer, true);
}
