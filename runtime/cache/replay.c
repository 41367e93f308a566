/* replay.c - the pages of a generation, rebuilt from its chain.
 *
 * The chain is walked from the newest generation to the base with the list of
 * what is still wanted: what a generation has of it is delivered, what it has
 * or says to be a hole is struck from the list. A frame from which nothing is
 * wanted is not read, so overwritten data costs nothing, and work follows the
 * number of extents, never the size of the address space.
 */
#include "reader.h"

#include <errno.h>
#include <string.h>

struct replay {
  struct cache_reader *reader;
  const struct cache_env *env;
  cache_page_fn *page;
  void *context;
  struct hwckpt_error *error;

  struct spans wanted;      /* still to be found, ascending and disjoint */
  struct spans rest, after; /* of it, while a generation is looked at */
  struct spans pieces;      /* what the generation has of it */
  struct image_index index;
  struct frame_reader frames;

  /* Pages not yet delivered, so that runs across frames become one call. */
  uint64_t run_address;
  const unsigned char *run;
  size_t run_pages;
};

static int fail_memory(struct replay *replay) {
  return hwckpt_fail(replay->error, HWCKPT_E_RESTORE_MEMORY, 0,
                     replay->reader->generation.application,
                     "lists of pages to restore");
}

/* ---- delivering ---- */

static int end_run(struct replay *replay) {
  if (replay->run_pages == 0)
    return 0;
  int result = replay->page(replay->run_address, replay->run, replay->run_pages,
                            replay->context);
  replay->run_pages = 0;
  return result;
}

static int add_to_run(struct replay *replay, uint64_t address,
                      const unsigned char *data, size_t count) {
  uint64_t length = (uint64_t)replay->run_pages * CACHE_PAGE_SIZE;
  if (replay->run_pages && replay->run_address + length == address &&
      replay->run + length == data) {
    replay->run_pages += count;
    return 0;
  }
  int result = end_run(replay);
  replay->run_address = address;
  replay->run = data;
  replay->run_pages = count;
  return result;
}

/* A place in the list of pieces: the piece, and how many of its pages are
 * done. */
struct cursor {
  size_t piece;
  uint64_t done;
};

static uint64_t pages_of(struct span span) {
  return (span.end - span.begin) / CACHE_PAGE_SIZE;
}

/* How many frames from the cursor's on are wanted without a gap, up to
 * FRAME_BATCH. */
static unsigned batch_frames(const struct replay *replay, struct cursor at,
                             uint64_t first, unsigned frame_pages) {
  uint64_t end = first + 1; /* frame behind the batch */
  for (size_t i = at.piece; i < spans_count(&replay->pieces); i++) {
    struct span piece = spans_at(&replay->pieces)[i];
    uint64_t skip = i == at.piece ? at.done : 0;
    uint64_t begins = (piece.slot + skip) / frame_pages;
    uint64_t ends = (piece.slot + pages_of(piece) - 1) / frame_pages + 1;
    if (begins > end || end - first >= FRAME_BATCH)
      break;
    if (ends > end)
      end = ends;
  }
  return end - first < FRAME_BATCH ? (unsigned)(end - first) : FRAME_BATCH;
}

/* Delivers what the pieces want of the frames [first, first + count). */
static int deliver(struct replay *replay, struct cursor *at, uint64_t first,
                   unsigned count, unsigned frame_pages,
                   const unsigned char *const data[FRAME_BATCH]) {
  uint64_t end_slot = (first + count) * frame_pages;
  int result = 0;
  while (at->piece < spans_count(&replay->pieces) && result == 0) {
    struct span piece = spans_at(&replay->pieces)[at->piece];
    uint64_t slot = piece.slot + at->done;
    if (slot >= end_slot)
      break;
    uint64_t in_frame = slot % frame_pages;
    uint64_t pages = pages_of(piece) - at->done;
    if (pages > frame_pages - in_frame)
      pages = frame_pages - in_frame;
    result = add_to_run(replay, piece.begin + at->done * CACHE_PAGE_SIZE,
                        data[slot / frame_pages - first] +
                            in_frame * CACHE_PAGE_SIZE,
                        (size_t)pages);
    at->done += pages;
    if (at->done == pages_of(piece))
      *at = (struct cursor){at->piece + 1, 0};
  }
  /* The frames' memory is used again for the next batch. */
  return result ? result : end_run(replay);
}

/* Reads the frames that the pieces lie in, in the order of the file. */
static int deliver_pieces(struct replay *replay, const struct image *image) {
  unsigned frame_pages = image->commit.frame_pages;
  struct cursor at = {0, 0};
  int result = 0;
  if (!spans_sort_by_slot(replay->env, &replay->pieces))
    return fail_memory(replay);
  while (at.piece < spans_count(&replay->pieces) && result == 0) {
    const unsigned char *data[FRAME_BATCH];
    uint64_t first =
        (spans_at(&replay->pieces)[at.piece].slot + at.done) / frame_pages;
    unsigned count = batch_frames(replay, at, first, frame_pages);
    result = frame_reader_read(&replay->frames, image, &replay->index, first,
                               count, data, replay->error);
    if (result == 0)
      result = deliver(replay, &at, first, count, frame_pages, data);
  }
  return result;
}

/* ---- the chain ---- */

/* Strikes from the list what the generation has of it or says to be a hole. */
static bool find_pieces(struct replay *replay) {
  replay->rest.buffer.length = replay->after.buffer.length = 0;
  replay->pieces.buffer.length = 0;
  if (!spans_divide(replay->env, &replay->wanted, &replay->index.extents,
                    &replay->pieces, &replay->rest) ||
      !spans_divide(replay->env, &replay->rest, &replay->index.holes, NULL,
                    &replay->after))
    return false;
  struct spans swap = replay->wanted;
  replay->wanted = replay->after;
  replay->after = swap;
  return true;
}

static int replay_link(struct replay *replay, size_t i) {
  struct image image;
  int result = reader_open_link(replay->reader, i, &image, replay->error);
  if (result < 0)
    return result;
  result = image_load_index(&image, &replay->index, replay->error);
  if (result == 0 && !find_pieces(replay))
    result = fail_memory(replay);
  if (result == 0)
    result = deliver_pieces(replay, &image);
  image_close(&image);
  return result;
}

static int take_wanted(struct replay *replay, const struct cache_range *wanted,
                       size_t count) {
  uint64_t end = 0;
  for (size_t i = 0; i < count; i++) {
    struct cache_range range = wanted[i];
    if ((range.begin | range.end) % CACHE_PAGE_SIZE || range.begin < end ||
        range.begin > range.end)
      return hwckpt_fail(replay->error, HWCKPT_E_RECORD, EINVAL,
                         replay->reader->generation.application,
                         "range 0x%llx-0x%llx is not of pages, or not behind "
                         "the one before",
                         (unsigned long long)range.begin,
                         (unsigned long long)range.end);
    end = range.end;
    struct span span = {range.begin, range.end, SPAN_NO_SLOT};
    if (range.begin < range.end &&
        !spans_append(replay->env, &replay->wanted, span))
      return fail_memory(replay);
  }
  return 0;
}

int cache_replay(struct cache_reader *reader, const struct cache_range *wanted,
                 size_t wanted_count, cache_page_fn *page, void *context,
                 struct hwckpt_error *error) {
  const struct cache_env *env = reader->cache->env;
  struct replay replay = {.reader = reader,
                          .env = env,
                          .page = page,
                          .context = context,
                          .error = error};
  int result = frame_reader_open(&replay.frames, env, error);
  if (result < 0)
    return result;
  result = take_wanted(&replay, wanted, wanted_count);
  for (size_t i = 0; i < cache_reader_chain(reader) && result == 0; i++) {
    if (spans_count(&replay.wanted) == 0)
      break;
    result = replay_link(&replay, i);
  }
  frame_reader_close(&replay.frames);
  index_free(env, &replay.index);
  spans_free(env, &replay.wanted);
  spans_free(env, &replay.rest);
  spans_free(env, &replay.after);
  spans_free(env, &replay.pieces);
  return result;
}
