/* spool.c - see spool.h. The file is not synced: a loss of power takes it away
 * with the writer. Most of it is read back before the kernel has written it to
 * the device. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>

/* ---- appending ---- */

static int make_file(struct spool *spool, const struct place *place,
                     int directory, struct hwckpt_error *error) {
  const struct cache_io *io = place->cache->env->io;
  int fd = io->openat(directory, place->file,
                      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return place_fail_io(place, error, fd, "create");
  spool->fd = fd;
  /* A name that stays for now does no harm. */
  spool->named = io->unlinkat(directory, place->file, 0) < 0;
  format_hash_begin(&spool->sum);
  return 0;
}

/* Puts all that is in memory into the file. */
static int put_aside(struct spool *spool, const struct place *place,
                     int directory, struct hwckpt_error *error) {
  struct buffer *end = &spool->end;
  int result = spool->fd < 0 ? make_file(spool, place, directory, error) : 0;
  if (result == 0)
    result = io_write(place, spool->fd, end->data, end->length, spool->spooled,
                      error);
  if (result < 0)
    return result;
  format_hash_add(&spool->sum, end->data, end->length);
  spool->spooled += end->length;
  end->length = 0;
  return 0;
}

int spool_append(struct spool *spool, const struct place *place, int directory,
                 const void *data, size_t length, struct hwckpt_error *error) {
  int result = 0;
  if (length > spool->most - spool->end.length)
    result = put_aside(spool, place, directory, error);
  if (result == 0 &&
      !buffer_append(place->cache->env, &spool->end, data, length))
    result = place_fail(place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                        "no room for the hashes of pages");
  return result;
}

/* ---- going through it ---- */

/* Nobody else has it: it is the device, whatever of it is missing. */
static int fail_reading(const struct place *place, struct hwckpt_error *error) {
  return place_fail(place, error, HWCKPT_E_CACHE_IO, EIO,
                    "reads otherwise than it was written");
}

static int each_in_file(const struct spool *spool, const struct place *place,
                        void *room, size_t room_size, spool_visit_fn *visit,
                        void *context, struct hwckpt_error *error) {
  struct format_hashing sum;
  int result = 0;
  format_hash_begin(&sum);
  for (uint64_t at = 0; at < spool->spooled && result == 0;) {
    uint64_t left = spool->spooled - at;
    size_t length = left < room_size ? (size_t)left : room_size;
    result = io_read(place, spool->fd, room, length, at, error);
    if (result == -HWCKPT_E_CACHE_TRUNCATED)
      return fail_reading(place, error);
    if (result < 0)
      return result;
    format_hash_add(&sum, room, length);
    result = visit(context, room, length, error);
    at += length;
  }
  bool same = format_hash_end(&sum) == format_hash_end(&spool->sum);
  return result == 0 && !same ? fail_reading(place, error) : result;
}

int spool_each(const struct spool *spool, const struct place *place, void *room,
               size_t room_size, spool_visit_fn *visit, void *context,
               struct hwckpt_error *error) {
  int result = spool->spooled ? each_in_file(spool, place, room, room_size,
                                             visit, context, error)
                              : 0;
  return result == 0 && spool->end.length
             ? visit(context, spool->end.data, spool->end.length, error)
             : result;
}

void spool_free(struct spool *spool, const struct place *place, int directory) {
  const struct cache_env *env = place->cache->env;
  if (spool->fd >= 0)
    env->io->close(spool->fd);
  if (spool->named)
    env->io->unlinkat(directory, place->file, 0);
  buffer_free(env, &spool->end);
}
