/* publish.c - see publish.h. The file means nothing but to parts that are told
 * of it while the generation is written: it is not synced, and goes with it. */
#include "publish.h"

#include "cipher.h"
#include "io.h"
#include "keys.h"
#include "writer.h"

#include <fcntl.h>
#include <string.h>

/* Of an encrypted application what follows the head is sealed. */
struct head {
  uint64_t seed;
  uint64_t frames, hashes; /* number of each, which follow */
  uint64_t checksum;       /* of all that follows */
};

/* ---- writing ---- */

/* What follows the head: what is collected here, and the hashes where some of
 * them are not in memory, which are gone through once for the checksum and once
 * for the file. */
struct publishing {
  struct cache_writer *writer;
  struct buffer list;
  struct format_hashing sum;
  int fd;
  uint64_t at; /* in the file */
};

static bool is_spooled(const struct cache_writer *writer) {
  return writer->hashes.file.length != 0;
}

static bool list_own(const struct cache_writer *writer, struct buffer *list) {
  const struct cache_env *env = writer->cache->env;
  const struct format_frame *frames = writer->frames.data;
  size_t count = writer->frames.length / sizeof(*frames);
  for (size_t i = 0; i < count; i++)
    if (writer_is_own(writer, i) &&
        !buffer_append(env, list, &frames[i], sizeof(*frames)))
      return false;
  const struct buffer *hashes = &writer->hashes.end;
  return is_spooled(writer) ||
         buffer_append(env, list, hashes->data, hashes->length);
}

static int seal(const struct cache_writer *writer, struct buffer *list,
                struct hwckpt_error *error) {
  const struct key_bound bound = {.use = KEY_CONTENT};
  const struct cache_env *env = writer->cache->env;
  struct place place = {writer->cache, writer->application,
                        FORMAT_CONTENT_FILE};
  size_t length = list->length;
  if (!writer->key)
    return 0;
  if (!buffer_reserve(env, list, length + CIPHER_MORE))
    return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0, "sealing");
  unsigned char *room = list->data;
  memmove(room + CIPHER_NONCE, room, length);
  int got = cipher_seal(env->io, writer->key, &bound, sizeof(bound),
                        room + CIPHER_NONCE, length, room);
  list->length = length + CIPHER_MORE;
  return got < 0 ? place_fail_io(&place, error, got, "getrandom") : 0;
}

static int sum_hash(void *context, const void *data, size_t length,
                    struct hwckpt_error *error) {
  struct publishing *publishing = context;
  (void)error;
  format_hash_add(&publishing->sum, data, length);
  return 0;
}

static int write_piece(void *context, const void *data, size_t length,
                       struct hwckpt_error *error) {
  struct publishing *publishing = context;
  const struct cache_writer *writer = publishing->writer;
  struct place place = {writer->cache, writer->application,
                        FORMAT_CONTENT_FILE};
  int result =
      io_write(&place, publishing->fd, data, length, publishing->at, error);
  publishing->at += length;
  return result;
}

static int each_spooled(struct publishing *publishing, spool_visit_fn *visit,
                        struct hwckpt_error *error) {
  struct cache_writer *writer = publishing->writer;
  return is_spooled(writer) ? writer_each_hash(writer, visit, publishing, error)
                            : 0;
}

static int write_file(struct publishing *publishing, const struct head *head,
                      struct hwckpt_error *error) {
  const struct cache_writer *writer = publishing->writer;
  const struct cache_io *io = writer->cache->env->io;
  struct place place = {writer->cache, writer->application,
                        FORMAT_CONTENT_FILE};
  publishing->fd =
      io->openat(writer->directory, FORMAT_CONTENT_FILE,
                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (publishing->fd < 0)
    return place_fail_io(&place, error, publishing->fd, "create");
  int result = write_piece(publishing, head, sizeof(*head), error);
  if (result == 0)
    result = write_piece(publishing, publishing->list.data,
                         publishing->list.length, error);
  if (result == 0)
    result = each_spooled(publishing, write_piece, error);
  io->close(publishing->fd);
  return result;
}

static int publish(struct publishing *publishing, struct hwckpt_error *error) {
  struct cache_writer *writer = publishing->writer;
  struct buffer *list = &publishing->list;
  uint64_t hashes = spool_length(&writer->hashes);
  if (!list_own(writer, list))
    return writer_no_memory(writer, error);
  uint64_t bytes = list->length - (is_spooled(writer) ? 0 : hashes);
  struct head head = {
      .seed = writer->session->content.seed,
      .frames = bytes / sizeof(struct format_frame),
      .hashes = hashes / sizeof(struct format_page_hash),
  };
  int result = seal(writer, list, error);
  if (result < 0)
    return result;
  format_hash_begin(&publishing->sum);
  format_hash_add(&publishing->sum, list->data, list->length);
  result = each_spooled(publishing, sum_hash, error);
  head.checksum = format_hash_end(&publishing->sum);
  return result < 0 ? result : write_file(publishing, &head, error);
}

int cache_publish(struct cache_writer *writer, struct hwckpt_error *error) {
  struct publishing publishing = {.writer = writer};
  int result = writer->failed;
  if (result < 0) {
    struct place place = writer_place(writer);
    return place_fail(&place, error, (enum hwckpt_code) - result, 0,
                      "writing it failed before");
  }
  result = writer_end_frame(writer, error);
  if (result < 0 || writer_is_small(writer) || writer->published)
    return result;
  result = log_sync(&writer->log, error);
  if (result == 0) {
    writer->published = true;
    result = publish(&publishing, error);
  }
  buffer_free(writer->cache->env, &publishing.list);
  return result < 0 ? writer->failed = result : 0;
}

/* ---- reading ---- */

static bool unseal(const struct place *place, struct buffer *list) {
  const struct key_bound bound = {.use = KEY_CONTENT};
  const struct cache_key *key;
  if (keys_to_read((struct cache *)place->cache, place->application, &key,
                   NULL) < 0)
    return false;
  if (!key)
    return true;
  unsigned char *sealed = list->data;
  if (list->length < CIPHER_MORE ||
      !cipher_open(key, &bound, sizeof(bound), sealed, list->length,
                   sealed + CIPHER_NONCE))
    return false;
  list->length -= CIPHER_MORE;
  memmove(sealed, sealed + CIPHER_NONCE, list->length);
  return true;
}

static bool read_list(const struct place *place, int fd, uint64_t size,
                      struct published *published) {
  struct head head;
  struct buffer *list = &published->bytes;
  if (size < sizeof(head) ||
      io_read(place, fd, &head, sizeof(head), 0, NULL) < 0)
    return false;
  list->length = 0;
  if (!buffer_reserve(place->cache->env, list, (size_t)size) ||
      io_read(place, fd, list->data, (size_t)size - sizeof(head), sizeof(head),
              NULL) < 0)
    return false;
  list->length = (size_t)size - sizeof(head);
  if (format_hash(list->data, list->length) != head.checksum ||
      !unseal(place, list) ||
      head.frames > list->length / sizeof(struct format_frame) ||
      head.hashes > list->length / sizeof(struct format_page_hash) ||
      head.frames * sizeof(struct format_frame) +
              head.hashes * sizeof(struct format_page_hash) !=
          list->length)
    return false;
  published->seed = head.seed;
  published->frames = list->data;
  published->frame_count = (size_t)head.frames;
  published->hashes = (const void *)(published->frames + head.frames);
  published->hash_count = (size_t)head.hashes;
  return true;
}

bool published_read(struct cache *cache, const char *application, int directory,
                    struct published *published) {
  struct place place = {cache, application, FORMAT_CONTENT_FILE};
  uint64_t size;
  int fd;
  memset(published, 0, sizeof(*published));
  if (io_open_file(&place, directory, &fd, &size, NULL) < 0 || fd < 0)
    return false;
  bool there = read_list(&place, fd, size, published);
  cache->env->io->close(fd);
  return there;
}
