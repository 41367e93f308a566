/* layers.c - see layers.h. Whoever goes through the list looks, where it
 * stands, at each layer from above, until one has something there: O(layers)
 * for a piece, and each layer is read once. */
#include "layers.h"

#include "format.h"

struct layer {
  uint64_t offset; /* of its spans in the file */
  size_t count;
  uint64_t checksum;
};

static int fail_memory(const struct place *place, struct hwckpt_error *error) {
  return place_fail(place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                    "no room for the index");
}

/* ---- appending ---- */

/* Where much of what is in memory is covered by the rest of it, that is enough;
 * else it becomes a layer. */
static int settle(struct layers *layers, const struct place *place,
                  int directory, struct hwckpt_error *error) {
  const struct cache_env *env = place->cache->env;
  struct buffer *spans = &layers->recent.buffer;
  if (!spans_resolve(env, &layers->recent))
    return fail_memory(place, error);
  struct layer layer = {layers->file.length, spans_count(&layers->recent),
                        format_hash(spans->data, spans->length)};
  if (layer.count <= layers->most / 2)
    return 0;
  int result = nameless_append(&layers->file, place, directory, spans->data,
                               spans->length, error);
  if (result < 0)
    return result;
  spans->length = 0;
  return buffer_append(env, &layers->lower, &layer, sizeof(layer))
             ? 0
             : fail_memory(place, error);
}

int layers_append(struct layers *layers, const struct place *place,
                  int directory, struct span span, struct hwckpt_error *error) {
  int result = 0;
  if (spans_count(&layers->recent) >= layers->most)
    result = settle(layers, place, directory, error);
  if (result == 0 && !spans_append(place->cache->env, &layers->recent, span))
    result = fail_memory(place, error);
  return result;
}

/* ---- going through it ---- */

#define WINDOW 170u /* spans of a layer that are read at once */

/* Where somebody is in a layer: at a span, with those behind it in memory, and
 * those behind them in the file. */
struct cursor {
  struct span now;           /* behind all addresses: there is none */
  const struct span *behind; /* so many */
  size_t in_memory;
  struct span *window;
  uint64_t offset;
  size_t in_file;
  struct format_hashing sum; /* of what was read */
  uint64_t checksum;
};

static const struct span nothing = {UINT64_MAX, UINT64_MAX, SPAN_NO_SLOT};

static int read_window(struct cursor *cursor, const struct layers *layers,
                       const struct place *place, struct hwckpt_error *error) {
  size_t count = cursor->in_file < WINDOW ? cursor->in_file : WINDOW;
  size_t length = count * sizeof(struct span);
  int result = nameless_read(&layers->file, place, cursor->window, length,
                             cursor->offset, error);
  if (result < 0)
    return result;
  format_hash_add(&cursor->sum, cursor->window, length);
  cursor->behind = cursor->window;
  cursor->in_memory = count;
  cursor->offset += length;
  cursor->in_file -= count;
  bool all = cursor->in_file == 0;
  return all && format_hash_end(&cursor->sum) != cursor->checksum
             ? nameless_fail(place, error)
             : 0;
}

static int advance(struct cursor *cursor, const struct layers *layers,
                   const struct place *place, struct hwckpt_error *error) {
  if (cursor->in_memory == 0 && cursor->in_file) {
    int result = read_window(cursor, layers, place, error);
    if (result < 0)
      return result;
  }
  if (cursor->in_memory) {
    cursor->now = *cursor->behind++;
    cursor->in_memory--;
  } else {
    cursor->now = nothing;
  }
  return 0;
}

/* Finds the piece that begins at an address: of the uppermost layer that has
 * something there, as far as none above it has; without a slot and an end,
 * where none has, up to where one has. */
static int find_piece(struct cursor *cursors, size_t count, uint64_t at,
                      const struct layers *layers, const struct place *place,
                      struct span *piece, bool *found,
                      struct hwckpt_error *error) {
  *piece = (struct span){at, UINT64_MAX, SPAN_NO_SLOT};
  *found = false;
  for (size_t i = count; i-- && !*found;) {
    struct span *now = &cursors[i].now;
    while (now->end <= at) {
      int result = advance(&cursors[i], layers, place, error);
      if (result < 0)
        return result;
    }
    *found = now->begin <= at;
    uint64_t end = *found ? now->end : now->begin;
    if (*found)
      piece->slot = span_slot(*now, at);
    if (end < piece->end)
      piece->end = end;
  }
  return 0;
}

static int each_piece(struct cursor *cursors, size_t count,
                      const struct layers *layers, const struct place *place,
                      layers_visit_fn *visit, void *context,
                      struct hwckpt_error *error) {
  struct span piece;
  bool found;
  int result = 0;
  for (uint64_t at = 0; at != UINT64_MAX && result == 0; at = piece.end) {
    result =
        find_piece(cursors, count, at, layers, place, &piece, &found, error);
    if (result == 0 && found)
      result = visit(context, &piece, error);
  }
  return result;
}

int layers_each(struct layers *layers, const struct place *place,
                layers_visit_fn *visit, void *context,
                struct hwckpt_error *error) {
  const struct cache_env *env = place->cache->env;
  const struct layer *lower = layers->lower.data;
  size_t count = layers->lower.length / sizeof(*lower), window = 0;
  struct buffer room = {0};
  if (!spans_resolve(env, &layers->recent) ||
      !buffer_reserve(env, &room,
                      (count + 1) * sizeof(struct cursor) +
                          count * WINDOW * sizeof(struct span)))
    return fail_memory(place, error);
  struct cursor *cursors = room.data;
  struct span *windows = (struct span *)(cursors + count + 1);
  for (size_t i = 0; i < count; i++, window += WINDOW) {
    cursors[i] = (struct cursor){.window = windows + window,
                                 .offset = lower[i].offset,
                                 .in_file = lower[i].count,
                                 .checksum = lower[i].checksum};
    format_hash_begin(&cursors[i].sum);
  }
  cursors[count] = (struct cursor){.behind = spans_at(&layers->recent),
                                   .in_memory = spans_count(&layers->recent)};
  int result =
      each_piece(cursors, count + 1, layers, place, visit, context, error);
  buffer_free(env, &room);
  return result;
}

void layers_free(struct layers *layers, const struct place *place,
                 int directory) {
  const struct cache_env *env = place->cache->env;
  nameless_free(&layers->file, place, directory);
  spans_free(env, &layers->recent);
  buffer_free(env, &layers->lower);
}
