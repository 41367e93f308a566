/* survey.c - see survey.h.
 *
 * Of each generation of the chain the index is read once, which leaves its
 * frames in memory. Extents and holes of all of them are then swept over
 * together, ascending by address, as often as somebody wants to see the pieces:
 * what is there belongs to the newest generation that says anything of it.
 */
#include "survey.h"

#include "reader.h"

#include <string.h>

struct surveying {
  struct survey *survey;
  struct hwckpt_error *error;
  bool (*go_on)(void *context);
  void *context;
  struct image_index index; /* of the generation that is looked at */
  uint64_t seed;
};

static int fail_memory(const struct survey *survey,
                       struct hwckpt_error *error) {
  struct place place = {survey->cache, survey->application, NULL};
  return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0,
                    "looking through a chain");
}

static size_t link_count(const struct survey *survey) {
  return survey->links.length / sizeof(struct survey_link);
}

static struct survey_link *link_at(const struct survey *survey, size_t i) {
  return (struct survey_link *)survey->links.data + i;
}

/* ---- walking a chain ---- */

/* Goes through a chain, newest first, until visit returns non-zero, which is
 * then returned. The image is closed behind it. */
static int each_link(struct cache *cache, const char *application,
                     int directory, uint64_t number,
                     int (*visit)(const struct image *image, void *context),
                     void *context, struct hwckpt_error *error) {
  struct image image;
  int result = image_open(&image, cache, application, directory, number, error);
  while (result == 0) {
    const struct image above = image;
    result = visit(&image, context);
    image_close(&image);
    if (result || above.header.parent == 0)
      break;
    result = image_open_parent(&image, &above, error);
  }
  return result;
}

static int measure_link(const struct image *image, void *context) {
  struct chain_cost *cost = context;
  const CacheCommit *commit = &image->commit;
  cost->length++;
  cost->frame_pages += commit->page_frames * commit->frame_pages;
  if (cost->image_pages < commit->pages)
    cost->image_pages = commit->pages;
  return 0;
}

int chain_measure(struct cache *cache, const char *application, int directory,
                  uint64_t number, struct chain_cost *cost,
                  struct hwckpt_error *error) {
  *cost = (struct chain_cost){0};
  return each_link(cache, application, directory, number, measure_link, cost,
                   error);
}

/* ---- one generation ---- */

bool survey_can_stay(const struct survey_frame *frame) {
  return frame->frame.segment != 0 && !frame->own &&
         frame->pages_max == FORMAT_FRAME_PAGES;
}

/* Lists the generation's frames, whether or not a page of theirs counts. */
static bool list_frames(struct surveying *surveying, const struct image *image,
                        uint32_t link) {
  struct survey *survey = surveying->survey;
  const struct cache_env *env = survey->cache->env;
  size_t more = (size_t)image->commit.page_frames, count = survey_count(survey);
  if (more >= UINT32_MAX - count ||
      !buffer_reserve(env, &survey->frames,
                      (count + more) * sizeof(struct survey_frame)) ||
      !buffer_reserve(env, &survey->places, (count + more) * sizeof(uint32_t)))
    return false;
  uint32_t *places = survey->places.data;
  for (size_t i = 0; i < more; i++) {
    survey_frames(survey)[count + i] =
        (struct survey_frame){.frame = surveying->index.frames[i],
                              .link = link,
                              .hashes = SURVEY_NO_HASHES,
                              .pages_max = image->commit.frame_pages,
                              .own = !image_is_in_log(image)};
    places[count + i] = (uint32_t)(count + i);
  }
  survey->frames.length = (count + more) * sizeof(struct survey_frame);
  survey->places.length = (count + more) * sizeof(uint32_t);
  return true;
}

static int survey_link(const struct image *image, void *context) {
  struct surveying *surveying = context;
  struct survey *survey = surveying->survey;
  struct survey_link link = {.number = image->number,
                             .frame_pages = image->commit.frame_pages,
                             .first = survey_count(survey),
                             .extents_at = image_extents_at(image),
                             .extents = image->commit.extents,
                             .holes_at = image_holes_at(image),
                             .holes = image->commit.holes};
  if (surveying->go_on && !surveying->go_on(surveying->context))
    return 1;
  int result =
      blocks_load_frames(&survey->blocks, image, &survey->window,
                         &surveying->index, &link.index, surveying->error);
  if (result < 0)
    return result;
  survey->length++;
  return list_frames(surveying, image, (uint32_t)link_count(survey)) &&
                 buffer_append(survey->cache->env, &survey->links, &link,
                               sizeof(link))
             ? 0
             : fail_memory(survey, surveying->error);
}

/* ---- sweeping over all of them ---- */

/* Goes through the extents or the holes of a generation. */
struct cursor {
  const struct survey_link *link;
  uint64_t begin, end, slot; /* of the entry it is at; slot: of extents */
  uint64_t at, left; /* where in the index the next one is; how many there are
                      */
  struct block_window window;
  bool holes, ended;
};

/* Those of newer generations come first; of one generation its extents do. */
struct sweep {
  const struct survey *survey;
  struct hwckpt_error *error;
  struct cursor *cursors;
  size_t count;
  void *memory;
  size_t memory_size;
};

static int advance(const struct sweep *sweep, struct cursor *cursor) {
  const void *data;
  size_t length;
  if (cursor->left == 0) {
    cursor->ended = true;
    return 0;
  }
  int result =
      blocks_read(&sweep->survey->blocks, &cursor->link->index, -1, cursor->at,
                  &cursor->window, &data, &length, sweep->error);
  if (result < 0)
    return result;
  if (cursor->holes) {
    const struct format_hole *hole = data;
    cursor->begin = hole->begin;
    cursor->end = hole->end;
  } else {
    const struct format_extent *extent = data;
    cursor->begin = extent->address;
    cursor->end = extent->address + (uint64_t)extent->count * CACHE_PAGE_SIZE;
    cursor->slot = extent->slot;
  }
  cursor->at += sizeof(struct format_extent);
  cursor->left--;
  return 0;
}
_Static_assert(sizeof(struct format_extent) == sizeof(struct format_hole),
               "one step for both");

static void add_cursor(struct sweep *sweep, const struct survey_link *link,
                       bool holes) {
  struct cursor cursor = {.link = link,
                          .at = holes ? link->holes_at : link->extents_at,
                          .left = holes ? link->holes : link->extents,
                          .holes = holes};
  if (cursor.left)
    sweep->cursors[sweep->count++] = cursor;
}

static bool begin_sweep(struct sweep *sweep) {
  const struct survey *survey = sweep->survey;
  size_t most = 2 * link_count(survey);
  size_t windows = (most * sizeof(struct cursor) + CACHE_PAGE_SIZE - 1) &
                   ~(size_t)(CACHE_PAGE_SIZE - 1);
  sweep->memory_size = windows + most * BLOCK_BYTES;
  sweep->memory = survey->cache->env->map(sweep->memory_size);
  if (!sweep->memory)
    return false;
  sweep->cursors = sweep->memory;
  for (size_t i = 0; i < link_count(survey); i++) {
    add_cursor(sweep, link_at(survey, i), false);
    add_cursor(sweep, link_at(survey, i), true);
  }
  for (size_t i = 0; i < sweep->count; i++)
    sweep->cursors[i].window.bytes =
        (unsigned char *)sweep->memory + windows + i * BLOCK_BYTES;
  return true;
}

/* Whose the address is (null: nobody's), and up to where. */
static int find_owner(const struct sweep *sweep, uint64_t address,
                      const struct cursor **owner, uint64_t *end) {
  *owner = NULL;
  *end = UINT64_MAX;
  for (size_t i = 0; i < sweep->count; i++) {
    struct cursor *cursor = &sweep->cursors[i];
    while (!cursor->ended && cursor->end <= address) {
      int result = advance(sweep, cursor);
      if (result < 0)
        return result;
    }
    if (cursor->ended)
      continue;
    if (cursor->begin <= address) {
      *owner = cursor;
      *end = cursor->end < *end ? cursor->end : *end;
      return 0;
    }
    *end = cursor->begin < *end ? cursor->begin : *end;
  }
  return 0;
}

/* Cut into pieces of one frame each. */
static int visit_pieces(const struct sweep *sweep, const struct cursor *owner,
                        uint64_t begin, uint64_t end, survey_visit_fn *visit,
                        void *context) {
  const struct survey_link *link = owner->link;
  const uint32_t *places = sweep->survey->places.data;
  uint64_t slot = owner->slot + (begin - owner->begin) / CACHE_PAGE_SIZE;
  int result = 0;
  while (begin < end && result == 0) {
    uint64_t page = slot % link->frame_pages;
    uint64_t count = link->frame_pages - page;
    if (count > (end - begin) / CACHE_PAGE_SIZE)
      count = (end - begin) / CACHE_PAGE_SIZE;
    const struct survey_piece piece = {
        begin, begin + count * CACHE_PAGE_SIZE,
        places[link->first + slot / link->frame_pages], (unsigned)page};
    result = visit(&piece, context);
    begin = piece.end;
    slot += count;
  }
  return result;
}

static int sweep_over(const struct sweep *sweep, survey_visit_fn *visit,
                      void *context) {
  const struct cursor *owner;
  uint64_t at = 0, end;
  int result = 0;
  /* A cursor's entry is behind all of address 0 at first. */
  while (result == 0 && (result = find_owner(sweep, at, &owner, &end)) == 0 &&
         end != UINT64_MAX) {
    if (owner && !owner->holes)
      result = visit_pieces(sweep, owner, at, end, visit, context);
    at = end;
  }
  return result;
}

int survey_each(const struct survey *survey, survey_visit_fn *visit,
                void *context, struct hwckpt_error *error) {
  struct sweep sweep = {.survey = survey, .error = error};
  if (!begin_sweep(&sweep))
    return fail_memory(survey, error);
  int result = sweep_over(&sweep, visit, context);
  survey->cache->env->unmap(sweep.memory, sweep.memory_size);
  return result;
}

/* ---- what counts ---- */

#define PIECES_AT_ONCE 65536u /* some milliseconds */

struct counting {
  struct surveying *surveying;
  unsigned since; /* somebody was asked whether to go on */
};

static int count_piece(const struct survey_piece *piece, void *context) {
  struct counting *counting = context;
  struct surveying *surveying = counting->surveying;
  struct survey *survey = surveying->survey;
  struct survey_frame *frame = &survey_frames(survey)[piece->frame];
  uint64_t count = (piece->end - piece->begin) / CACHE_PAGE_SIZE;
  survey->pages += count;
  frame->counts = true;
  if (frame->pages_max <= FORMAT_FRAME_PAGES)
    frame->live |= UINT64_MAX >> (64 - count) << piece->page;
  if (++counting->since < PIECES_AT_ONCE)
    return 0;
  counting->since = 0;
  return !surveying->go_on || surveying->go_on(surveying->context) ? 0 : 1;
}
_Static_assert(FORMAT_FRAME_PAGES == 64, "a bit for each page");

/* ---- putting the frames in order ---- */

/* Where a frame lies, over all segments. */
static uint64_t place_of(const struct format_frame *frame) {
  return (uint64_t)frame->segment << 32 | (uint32_t)frame->offset;
}

static bool is_same(const struct survey_frame *a,
                    const struct survey_frame *b) {
  return a->frame.segment != 0 && place_of(&a->frame) == place_of(&b->frame) &&
         a->frame.stored == b->frame.stored && a->frame.raw == b->frame.raw &&
         a->frame.checksum == b->frame.checksum &&
         a->pages_max == b->pages_max && a->own == b->own;
}

/* Lists each frame of a segment once and in order, behind those of generations'
 * own files, which are each in one list only; says in `places` where each one
 * went. `order` has the places of the former, by where they lie. */
static bool reorder(struct survey *survey, const struct spans *order,
                    struct buffer *sorted) {
  const struct cache_env *env = survey->cache->env;
  const struct survey_frame *frames = survey_frames(survey);
  uint32_t *places = survey->places.data;
  size_t count = 0;
  for (size_t i = 0; i < survey_count(survey); i++)
    if (frames[i].counts && frames[i].frame.segment == 0) {
      if (!buffer_append(env, sorted, &frames[i], sizeof(frames[i])))
        return false;
      places[i] = (uint32_t)count++;
    }
  for (size_t i = 0; i < spans_count(order); i++) {
    size_t from = (size_t)spans_at(order)[i].begin;
    struct survey_frame *last =
        count ? (struct survey_frame *)sorted->data + count - 1 : NULL;
    if (last && is_same(last, &frames[from])) {
      last->live |= frames[from].live;
    } else {
      if (!buffer_append(env, sorted, &frames[from], sizeof(frames[from])))
        return false;
      count++;
    }
    places[from] = (uint32_t)count - 1;
  }
  return true;
}

static bool put_in_order(struct survey *survey) {
  const struct cache_env *env = survey->cache->env;
  const struct survey_frame *frames = survey_frames(survey);
  struct spans order = {0};
  struct buffer sorted = {0};
  bool done = true;
  for (size_t i = 0; i < survey_count(survey) && done; i++) {
    struct span at = {i, i + 1, place_of(&frames[i].frame)};
    if (frames[i].counts && frames[i].frame.segment)
      done = buffer_append(env, &order.buffer, &at, sizeof(at));
  }
  done = done && spans_sort_by_slot(env, &order) &&
         reorder(survey, &order, &sorted);
  if (done) {
    struct buffer swap = survey->frames;
    survey->frames = sorted;
    sorted = swap;
  }
  spans_free(env, &order);
  buffer_free(env, &sorted);
  return done;
}

/* ---- hashes ---- */

struct survey_frame *survey_find(const struct survey *survey,
                                 const struct format_frame *frame) {
  struct survey_frame *at = survey_frames(survey);
  size_t low = 0, high = survey_count(survey);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (place_of(&at[middle].frame) < place_of(frame))
      low = middle + 1;
    else
      high = middle;
  }
  bool there = low < survey_count(survey) &&
               place_of(&at[low].frame) == place_of(frame) &&
               at[low].frame.checksum == frame->checksum &&
               at[low].frame.raw == frame->raw;
  return there ? &at[low] : NULL;
}

/* The generation's place in the chain. */
static uint32_t find_link(const struct survey *survey, uint64_t number) {
  size_t i = 0;
  while (i + 1 < link_count(survey) && link_at(survey, i)->number != number)
    i++;
  return (uint32_t)i;
}

/* Says of the listed frames whose hashes are in that generation's list where in
 * it they are. */
static void note_hashes(struct surveying *surveying, const struct image *image,
                        uint32_t link) {
  struct survey *survey = surveying->survey;
  uint64_t at = 0;
  for (uint64_t i = 0; i < image->commit.page_frames; i++) {
    const struct format_frame *frame = &surveying->index.frames[i];
    if (!(frame->flags & FORMAT_FRAME_HASHED))
      continue;
    struct survey_frame *listed =
        frame->segment ? survey_find(survey, frame) : NULL;
    if (listed && listed->hashes == SURVEY_NO_HASHES) {
      listed->hashes = at;
      listed->hashed_by = link;
    }
    at += frame->raw / CACHE_PAGE_SIZE;
  }
}

/* What a frame's pages hash to is told by the generation that wrote it, which
 * may be another than the one that has its pages. */
static int find_hashes(const struct image *image, void *context) {
  struct surveying *surveying = context;
  struct survey *survey = surveying->survey;
  const struct image_list what = image_hashes_list(image);
  uint32_t link = find_link(survey, image->number);
  if (image->commit.hashes == 0 || image->commit.hash_seed != surveying->seed)
    return 0;
  if (surveying->go_on && !surveying->go_on(surveying->context))
    return 1;
  int result = image_load_frames(image, &surveying->index, surveying->error);
  if (result == 0)
    result = blocks_add(&survey->blocks, image, &what, &survey->window,
                        &link_at(survey, link)->hashes, surveying->error);
  if (result == 0)
    note_hashes(surveying, image, link);
  return result;
}

int survey_each_hash(struct survey *survey, const struct survey_frame *frame,
                     int (*visit)(const void *hashes, size_t length,
                                  void *context),
                     void *context, struct hwckpt_error *error) {
  const struct block_list *list = &link_at(survey, frame->hashed_by)->hashes;
  uint64_t at = frame->hashes * sizeof(struct format_page_hash);
  size_t left =
      frame->frame.raw / CACHE_PAGE_SIZE * sizeof(struct format_page_hash);
  int result = 0;
  while (left && result == 0) {
    const void *hashes;
    size_t length;
    result = blocks_read(&survey->blocks, list, -1, at, &survey->window,
                         &hashes, &length, error);
    if (result < 0)
      return result;
    if (length > left)
      length = left;
    result = visit(hashes, length, context);
    at += length;
    left -= length;
  }
  return result;
}

/* ---- all of it ---- */

static int each_of_chain(struct surveying *surveying, uint64_t number,
                         int (*visit)(const struct image *image,
                                      void *context)) {
  const struct survey *survey = surveying->survey;
  return each_link(survey->cache, survey->application, survey->directory,
                   number, visit, surveying, surveying->error);
}

static int survey_chain(struct surveying *surveying, uint64_t number) {
  struct survey *survey = surveying->survey;
  struct counting counting = {.surveying = surveying};
  survey->window.bytes = survey->cache->env->map(BLOCK_BYTES);
  if (!survey->window.bytes)
    return fail_memory(survey, surveying->error);
  int result = each_of_chain(surveying, number, survey_link);
  if (result == 0)
    result = survey_each(survey, count_piece, &counting, surveying->error);
  if (result == 0 && !put_in_order(survey))
    result = fail_memory(survey, surveying->error);
  return result ? result : each_of_chain(surveying, number, find_hashes);
}

int survey_take(struct survey *survey, struct cache *cache,
                const char *application, int directory, uint64_t number,
                uint64_t seed, bool (*go_on)(void *context), void *context,
                struct hwckpt_error *error) {
  *survey = (struct survey){.cache = cache,
                            .application = application,
                            .directory = directory,
                            .blocks = {.cache = cache,
                                       .application = application,
                                       .directory = directory}};
  struct surveying surveying = {.survey = survey,
                                .error = error,
                                .go_on = go_on,
                                .context = context,
                                .seed = seed};
  int result = survey_chain(&surveying, number);
  index_free(cache->env, &surveying.index);
  return result;
}

void survey_free(struct survey *survey) {
  if (!survey->cache)
    return;
  const struct cache_env *env = survey->cache->env;
  buffer_free(env, &survey->links);
  buffer_free(env, &survey->frames);
  buffer_free(env, &survey->places);
  if (survey->window.bytes)
    env->unmap(survey->window.bytes, BLOCK_BYTES);
  blocks_free(&survey->blocks);
}
