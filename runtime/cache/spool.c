/* spool.c - see spool.h. */
#include "spool.h"

/* ---- appending ---- */

/* Puts all that is in memory into the file. */
static int put_aside(struct spool *spool, const struct place *place,
                     int directory, struct hwckpt_error *error) {
  struct buffer *end = &spool->end;
  if (spool->file.length == 0)
    format_hash_begin(&spool->sum);
  int result = nameless_append(&spool->file, place, directory, end->data,
                               end->length, error);
  if (result < 0)
    return result;
  format_hash_add(&spool->sum, end->data, end->length);
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

static int each_in_file(const struct spool *spool, const struct place *place,
                        void *room, size_t room_size, spool_visit_fn *visit,
                        void *context, struct hwckpt_error *error) {
  struct format_hashing sum;
  uint64_t end = spool->file.length;
  int result = 0;
  format_hash_begin(&sum);
  for (uint64_t at = 0; at < end && result == 0;) {
    size_t length = end - at < room_size ? (size_t)(end - at) : room_size;
    result = nameless_read(&spool->file, place, room, length, at, error);
    if (result < 0)
      return result;
    format_hash_add(&sum, room, length);
    result = visit(context, room, length, error);
    at += length;
  }
  bool same = format_hash_end(&sum) == format_hash_end(&spool->sum);
  return result == 0 && !same ? nameless_fail(place, error) : result;
}

int spool_each(const struct spool *spool, const struct place *place, void *room,
               size_t room_size, spool_visit_fn *visit, void *context,
               struct hwckpt_error *error) {
  int result = spool->file.length ? each_in_file(spool, place, room, room_size,
                                                 visit, context, error)
                                  : 0;
  return result == 0 && spool->end.length
             ? visit(context, spool->end.data, spool->end.length, error)
             : result;
}

void spool_free(struct spool *spool, const struct place *place, int directory) {
  nameless_free(&spool->file, place, directory);
  buffer_free(place->cache->env, &spool->end);
}
