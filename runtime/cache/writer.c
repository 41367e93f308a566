/* writer.c - beginning a generation, and putting pages, holes and records. The
 * index is made from `put` when the generation is committed. */
#include "writer.h"

#include "image.h"
#include "recall.h"
#include "space.h"
#include "vector.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct place writer_place(const struct cache_writer *writer) {
  return (struct place){writer->cache, writer->application, writer->temporary};
}

int writer_no_memory(struct cache_writer *writer, struct hwckpt_error *error) {
  struct place place = writer_place(writer);
  return writer->failed = place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                                     "no room for the index");
}

/* ---- beginning ---- */

/* Who it is. What the header and the commit record say of the parent is taken
 * from it; it must be whole. */
static int fill_header(struct cache_writer *writer, uint64_t parent,
                       struct hwckpt_error *error) {
  const struct cache_io *io = writer->cache->env->io;
  struct place place = writer_place(writer);
  CacheHeader *header = &writer->header;
  memcpy(header->application, writer->application, sizeof(header->application));
  header->number = writer->number;
  header->encrypted = writer->key != NULL;
  long got = io->getrandom(&header->identity, sizeof(header->identity));
  if (got != (long)sizeof(header->identity))
    return place_fail_io(&place, error, got, "getrandom");
  if (parent == 0)
    return 0;
  struct image image;
  int result = image_open(&image, writer->cache, writer->application,
                          writer->directory, parent, error);
  if (result < 0)
    return result;
  header->parent = parent;
  header->parent_commit = image.identity;
  image_close(&image);
  return 0;
}

static bool take_counts(struct cache_writer *writer, uint64_t number) {
  struct image image;
  CacheCommit *commit = &writer->commit;
  if (image_open(&image, writer->cache, writer->application, writer->directory,
                 number, NULL) < 0)
    return false;
  commit->total_written = image.commit.total_written;
  commit->total_put = image.commit.total_put;
  commit->counted_since_ns = image.commit.counted_since_ns;
  image_close(&image);
  return true;
}

/* Without those that are not readable. */
static void take_older_counts(struct cache_writer *writer) {
  struct buffer numbers = {0};
  directory_numbers(writer->cache, writer->application, writer->directory,
                    format_parse_generation, &numbers, NULL);
  const uint64_t *number = numbers.data;
  size_t i = numbers.length / sizeof(*number);
  while (i > 0 && !take_counts(writer, number[i - 1]))
    i--;
  buffer_free(writer->cache->env, &numbers);
}

/* The counts of the application go on from its newest generation that is
 * readable, or begin anew. */
static void continue_counts(struct cache_writer *writer, uint64_t newest) {
  if (newest && !take_counts(writer, newest))
    take_older_counts(writer);
  if (writer->commit.counted_since_ns == 0)
    writer->commit.counted_since_ns = writer->cache->env->io->realtime_ns();
}

int writer_find_newest(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  const struct cache_env *env = writer->cache->env;
  struct buffer numbers = {0};
  int result =
      directory_numbers(writer->cache, writer->application, writer->directory,
                        format_parse_generation, &numbers, error);
  size_t count = numbers.length / sizeof(uint64_t);
  writer->newest = count ? ((const uint64_t *)numbers.data)[count - 1] : 0;
  writer->known = writer->newest;
  buffer_free(env, &numbers);
  return result;
}

void writer_take_number(struct cache_writer *writer, uint64_t number) {
  writer->number = number;
  format_generation_file(writer->file, number, FORMAT_SUFFIX_GENERATION);
  format_generation_file(writer->temporary, number, FORMAT_TEMPORARY_SUFFIX);
  continue_counts(writer, writer->newest);
}

/* It refers to nothing that is here. */
static void know_nothing(struct cache_writer *writer) {
  content_forget(writer->cache->env, &writer->session->content);
  writer->session->recalled = true;
}

/* The next generation. */
static int identify_next(struct cache_writer *writer, void *context,
                         struct hwckpt_error *error) {
  const struct cache_write_options *options = context;
  int result = writer_find_newest(writer, error);
  if (result < 0)
    return result;
  writer_take_number(writer, writer->newest + 1);
  if (writer->cache->refer_to == CACHE_NOTHING)
    know_nothing(writer);
  else if (writer->cache->refer_to)
    writer->known = writer->cache->refer_to;
  return fill_header(writer, options->parent, error);
}

static int identify_copy(struct cache_writer *writer, void *context,
                         struct hwckpt_error *error) {
  const struct cache_copy *copy = context;
  int result = writer_find_newest(writer, error);
  if (result < 0)
    return result;
  bool free = copy->number > writer->newest;
  writer_take_number(writer, free ? copy->number : writer->newest + 1);
  result = fill_header(writer, 0, error);
  if (free && result == 0)
    writer->header.identity = copy->identity;
  /* A copy may be wanted as what is here is damaged. */
  know_nothing(writer);
  return result;
}

/* For the records of a generation without pages. */
#define LEVEL_FIRST 1

static int take_memory(struct cache_writer *writer,
                       struct hwckpt_error *error) {
  const struct cache_env *env = writer->cache->env;
  writer->output = env->map(WRITER_OUTPUT);
  writer->frame = env->map(WRITER_FRAME);
  if (!writer->output || !writer->frame)
    return writer_no_memory(writer, error);
  if (writer->level == CODEC_LEVEL_RAW)
    return 0;
  bool is_auto = writer->level == CACHE_LEVEL_AUTO;
  size_t size =
      is_auto ? pace_encoder_size() : codec_encoder_size(writer->level);
  writer->workspace = env->map(size);
  writer->workspace_size = size;
  if (!writer->workspace)
    return writer_no_memory(writer, error);
  writer->coded_with = is_auto ? LEVEL_FIRST : writer->level;
  writer->encoder = encoder_init(writer->workspace, size, writer->coded_with);
  return writer->encoder ? 0 : writer_no_memory(writer, error);
}

/* Nothing of the log is given back from here on. What was since the last
 * generation may be what the session remembers, unless this part's own
 * generations have it. */
static int hold_log(struct cache_writer *writer, struct hwckpt_error *error) {
  struct cache *cache = writer->cache;
  struct session *session = writer->session;
  struct spans live = {0};
  uint64_t freed = 0;
  int result =
      space_hold(cache, writer->application, &writer->held, &freed, error);
  bool there = session->recalled && freed != session->freed;
  session->freed = freed;
  if (result < 0 || !there)
    return result;
  if (space_find_live(cache, writer->application, writer->directory, &live,
                      NULL) == 0)
    content_sweep(&session->content, space_is_live, &live);
  else
    content_forget(cache->env, &session->content);
  spans_free(cache->env, &live);
  return 0;
}

/* What the log has already; a new session reads it back. */
static int remember(struct cache_writer *writer, struct hwckpt_error *error) {
  struct session *session = writer->session;
  int result = session->recalled
                   ? 0
                   : recall_content(writer->cache, session, writer->directory,
                                    writer->known, error);
  session->recalled = result == 0;
  writer->stamp = session->turn;
  writer->known_from =
      (uint32_t)(session->content.frames.length / sizeof(struct content_frame));
  return result;
}

static int begin(struct cache_writer *writer, writer_identify_fn *identify,
                 void *context, struct hwckpt_error *error) {
  struct cache *cache = writer->cache;
  const char *application = writer->application;
  char log_of[CACHE_NAME_MAX];
  int result = directory_lock(cache, application, writer->directory,
                              &writer->lock, error);
  if (result == 0)
    result = directory_open_log(cache, application, log_of,
                                &writer->log_directory, error);
  if (result == 0)
    result = session_begin(cache, application, writer->lock, &writer->session,
                           error);
  if (result == 0)
    result = hold_log(writer, error);
  if (result == 0)
    result = directory_raise_version(cache, error);
  if (result == 0)
    result =
        directory_remove_stale(cache, application, writer->directory, error);
  if (result == 0)
    result = identify(writer, context, error);
  if (result == 0)
    result = remember(writer, error);
  if (result == 0)
    result = take_memory(writer, error);
  if (result == 0)
    result = log_open(&writer->log, cache, writer->session,
                      writer->log_directory, error);
  return result;
}

static void keep_in_memory(struct cache_writer *writer) {
  size_t lists = writer->cache->env->lists;
  writer->hashes.most = lists ? lists : WRITER_HASHES;
  writer->put.most = lists ? lists / sizeof(struct span) : WRITER_SPANS;
  if (writer->key)
    writer->hashes.most = writer->put.most = SIZE_MAX;
}

int writer_open(struct cache *cache, const char *application, int level,
                writer_identify_fn *identify, void *context,
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
  writer->lock = writer->fd = writer->log_directory = writer->held = -1;
  writer->hashes.file.fd = writer->put.file.fd = -1;
  writer->taken_over = UINT32_MAX;
  writer->level = level > CODEC_LEVEL_MAX ? CODEC_LEVEL_MAX : level;
  status = keys_to_write(cache, application, &writer->key, error);
  keep_in_memory(writer);
  if (status == 0)
    status = begin(writer, identify, context, error);
  if (status) {
    writer_end(writer, LOG_ABORTED);
    return status;
  }
  *result = writer;
  return 0;
}

int cache_begin(struct cache *cache, const char *application,
                const struct cache_write_options *options,
                struct cache_writer **writer, struct hwckpt_error *error) {
  struct cache_write_options given = *options;
  return writer_open(cache, application, options->level, identify_next, &given,
                     writer, error);
}

int cache_begin_copy(struct cache *cache, const char *application,
                     const struct cache_copy *copy,
                     struct cache_writer **writer, struct hwckpt_error *error) {
  struct cache_copy given = *copy;
  return writer_open(cache, application, copy->level, identify_copy, &given,
                     writer, error);
}

uint64_t cache_writer_number(const struct cache_writer *writer) {
  return writer->number;
}

void cache_writer_pace(const struct cache_writer *writer,
                       struct cache_pace *pace) {
  pace->device = writer->cache->pace.device;
  pace->waited_ns = writer->log.waited_ns;
  pace->level = writer->level == CACHE_LEVEL_AUTO
                    ? pace_level(writer->cache->pace.level)
                    : writer->level;
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

static int check_pages(struct cache_writer *writer, uint64_t address,
                       size_t count, struct hwckpt_error *error) {
  if (count > UINT64_MAX / CACHE_PAGE_SIZE)
    count = UINT64_MAX / CACHE_PAGE_SIZE; /* refused by check_range() */
  return check_range(writer, address, (uint64_t)count * CACHE_PAGE_SIZE, error);
}

struct place writer_extents_place(const struct cache_writer *writer) {
  return (struct place){writer->cache, writer->application,
                        FORMAT_EXTENTS_FILE};
}

int writer_put_span(struct cache_writer *writer, struct span span,
                    struct hwckpt_error *error) {
  struct place place = writer_extents_place(writer);
  int result =
      layers_append(&writer->put, &place, writer->directory, span, error);
  return result < 0 ? writer->failed = result : 0;
}

int cache_put_all_pages(struct cache_writer *writer, uint64_t address,
                        const void *data, size_t count,
                        struct hwckpt_error *error) {
  int result = check_pages(writer, address, count, error);
  writer->commit.put_pages += count;
  return result < 0 || count == 0
             ? result
             : writer_put_stored(writer, address, data, count, error);
}

int cache_put_pages(struct cache_writer *writer, uint64_t address,
                    const void *data, size_t count,
                    struct hwckpt_error *error) {
  int result = check_pages(writer, address, count, error);
  const unsigned char *pages = data;
  writer->commit.put_pages += count;
  for (size_t i = 0; i < count && result == 0;) {
    size_t first = i;
    bool zero = vector_is_zero_page(pages + first * CACHE_PAGE_SIZE);
    do
      i++;
    while (i < count &&
           vector_is_zero_page(pages + i * CACHE_PAGE_SIZE) == zero);
    uint64_t begin = address + first * CACHE_PAGE_SIZE;
    struct span span = {begin, address + i * CACHE_PAGE_SIZE, SPAN_NO_SLOT};
    if (!zero)
      result = writer_put_stored(writer, begin, pages + first * CACHE_PAGE_SIZE,
                                 i - first, error);
    else
      result = writer_put_span(writer, span, error);
    if (zero)
      writer->commit.zero_pages += i - first;
  }
  return result;
}

int cache_put_hole(struct cache_writer *writer, uint64_t address,
                   uint64_t length, struct hwckpt_error *error) {
  int result = check_range(writer, address, length, error);
  struct span span = {address, address + length, SPAN_NO_SLOT};
  if (result == 0 && length &&
      !spans_append(writer->cache->env, &writer->holes, span))
    result = writer_no_memory(writer, error);
  return result;
}

int cache_put_absent(struct cache_writer *writer, uint64_t address,
                     uint64_t length, struct hwckpt_error *error) {
  int result = check_range(writer, address, length, error);
  struct span span = {address, address + length, SPAN_NO_SLOT};
  return result == 0 && length ? writer_put_span(writer, span, error) : result;
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
    return writer_no_memory(writer, error);
  return 0;
}

/* ---- ending ---- */

void writer_end(struct cache_writer *writer, enum log_end how) {
  struct cache *cache = writer->cache;
  const struct cache_env *env = cache->env;
  struct place hashes = {cache, writer->application, FORMAT_HASHES_FILE};
  struct place extents = writer_extents_place(writer);
  spool_free(&writer->hashes, &hashes, writer->directory);
  layers_free(&writer->put, &extents, writer->directory);
  if (writer->fd >= 0) {
    env->io->close(writer->fd);
    if (how != LOG_COMMITTED)
      env->io->unlinkat(writer->directory, writer->temporary, 0);
  }
  if (how != LOG_COMMITTED && writer->session)
    content_drop(&writer->session->content, writer->known_from);
  /* Others may refer to it. */
  if (how == LOG_ABORTED && writer->published)
    how = LOG_UNKNOWN;
  if (writer->log.cache)
    log_close(&writer->log, how);
  if (writer->published)
    env->io->unlinkat(writer->directory, FORMAT_CONTENT_FILE, 0);
  session_return(cache, writer->session);
  directory_unlock(cache, writer->lock);
  space_let_go(cache, writer->held);
  if (writer->log_directory >= 0)
    env->io->close(writer->log_directory);
  env->io->close(writer->directory);
  if (writer->output)
    env->unmap(writer->output, WRITER_OUTPUT);
  if (writer->frame)
    env->unmap(writer->frame, WRITER_FRAME);
  if (writer->workspace)
    env->unmap(writer->workspace, writer->workspace_size);
  buffer_free(env, &writer->frames);
  spans_free(env, &writer->holes);
  buffer_free(env, &writer->records);
  env->unmap(writer, sizeof(*writer));
}

void cache_abort(struct cache_writer *writer) {
  if (writer)
    writer_end(writer, LOG_ABORTED);
}
