/* survey.c - see survey.h.
 *
 * The chain is walked from the newest generation to the base, as for a plan,
 * but what comes out is ordered by frame, not by generation. Work and memory
 * follow the number of extents and frames, never the size of the image.
 */
#include "survey.h"

#include "reader.h"

#include <string.h>

struct surveying {
  struct survey *survey;
  struct hwckpt_error *error;
  bool (*go_on)(void *context);
  void *context;
  struct spans wanted;      /* still to be found, ascending and disjoint */
  struct spans rest, after; /* of it, while a generation is looked at */
  struct spans found;       /* what the generation has of it */
  struct image_index index; /* of that generation */
  struct buffer listed;     /* uint32_t: places of its frames in the list, plus
                             * one; 0: not there */
};

static int fail_memory(const struct surveying *surveying) {
  const struct survey *survey = surveying->survey;
  struct place place = {survey->cache, survey->application, NULL};
  return place_fail(&place, surveying->error, HWCKPT_E_CAPTURE_MEMORY, 0,
                    "looking through a chain");
}

static uint64_t pages_of(struct span span) {
  return (span.end - span.begin) / CACHE_PAGE_SIZE;
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

/* Strikes from the list what the generation has of it or says to be a hole. */
static bool find_pieces(struct surveying *surveying) {
  const struct cache_env *env = surveying->survey->cache->env;
  surveying->rest.buffer.length = surveying->after.buffer.length = 0;
  surveying->found.buffer.length = 0;
  if (!spans_divide(env, &surveying->wanted, &surveying->index.extents,
                    &surveying->found, &surveying->rest) ||
      !spans_divide(env, &surveying->rest, &surveying->index.holes, NULL,
                    &surveying->after))
    return false;
  struct spans swap = surveying->wanted;
  surveying->wanted = surveying->after;
  surveying->after = swap;
  return true;
}

/* The place of the generation's frame in the list. */
static bool list_frame(struct surveying *surveying, const struct image *image,
                       uint64_t number, uint32_t *at) {
  struct survey *survey = surveying->survey;
  uint32_t *listed = (uint32_t *)surveying->listed.data + number;
  if (*listed == 0) {
    const struct survey_frame frame = {.frame = surveying->index.frames[number],
                                       .generation = image->number,
                                       .hashes = SURVEY_NO_HASHES,
                                       .pages_max = image->commit.frame_pages,
                                       .own = !image_is_in_log(image)};
    if (survey_count(survey) >= UINT32_MAX ||
        !buffer_append(survey->cache->env, &survey->frames, &frame,
                       sizeof(frame)))
      return false;
    *listed = (uint32_t)survey_count(survey);
  }
  *at = *listed - 1;
  return true;
}

/* Adds what was found, cut into pieces of one frame each. */
static bool add_pieces(struct surveying *surveying, const struct image *image) {
  struct survey *survey = surveying->survey;
  uint64_t full = image->commit.frame_pages;
  for (size_t i = 0; i < spans_count(&surveying->found); i++) {
    struct span piece = spans_at(&surveying->found)[i];
    survey->pages += pages_of(piece);
    while (piece.begin < piece.end) {
      uint64_t page = piece.slot % full;
      uint64_t count = full - page;
      uint32_t at;
      if (count > pages_of(piece))
        count = pages_of(piece);
      struct span part = {piece.begin, piece.begin + count * CACHE_PAGE_SIZE,
                          0};
      if (!list_frame(surveying, image, piece.slot / full, &at))
        return false;
      part.slot = (uint64_t)at << SURVEY_SHIFT | page;
      if (full <= FORMAT_FRAME_PAGES)
        survey_frames(survey)[at].live |= UINT64_MAX >> (64 - count) << page;
      if (!buffer_append(survey->cache->env, &survey->pieces.buffer, &part,
                         sizeof(part)))
        return false;
      piece.begin = part.end;
      piece.slot += count;
    }
  }
  return true;
}
_Static_assert(FORMAT_FRAME_PAGES == 64, "a bit for each page");

static int survey_link(const struct image *image, void *context) {
  struct surveying *surveying = context;
  const struct cache_env *env = image->cache->env;
  size_t frames = (size_t)image->commit.page_frames;
  if (surveying->go_on && !surveying->go_on(surveying->context))
    return 1;
  int result = image_load_index(image, &surveying->index, surveying->error);
  if (result < 0)
    return result;
  surveying->survey->length++;
  surveying->listed.length = 0;
  if (!buffer_reserve(env, &surveying->listed, (frames + 1) * sizeof(uint32_t)))
    return fail_memory(surveying);
  memset(surveying->listed.data, 0, frames * sizeof(uint32_t));
  return find_pieces(surveying) && add_pieces(surveying, image)
             ? 0
             : fail_memory(surveying);
}

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
 * own files, which are each in one list only; says in `moved` where each one
 * went. `order` has the places of the former, by where they lie. */
static bool reorder(struct survey *survey, const struct spans *order,
                    struct buffer *sorted, uint32_t *moved) {
  const struct cache_env *env = survey->cache->env;
  const struct survey_frame *frames = survey_frames(survey);
  size_t count = 0;
  for (size_t i = 0; i < survey_count(survey); i++)
    if (frames[i].frame.segment == 0) {
      if (!buffer_append(env, sorted, &frames[i], sizeof(frames[i])))
        return false;
      moved[i] = (uint32_t)count++;
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
    moved[from] = (uint32_t)count - 1;
  }
  return true;
}

static bool put_in_order(struct survey *survey) {
  const struct cache_env *env = survey->cache->env;
  const struct survey_frame *frames = survey_frames(survey);
  struct spans order = {0};
  struct buffer sorted = {0}, moved = {0};
  size_t count = survey_count(survey);
  bool done = buffer_reserve(env, &moved, (count + 1) * sizeof(uint32_t));
  for (size_t i = 0; i < count && done; i++) {
    struct span at = {i, i + 1, place_of(&frames[i].frame)};
    if (frames[i].frame.segment)
      done = buffer_append(env, &order.buffer, &at, sizeof(at));
  }
  done = done && spans_sort_by_slot(env, &order) &&
         reorder(survey, &order, &sorted, moved.data);
  if (done) {
    struct buffer swap = survey->frames;
    const uint32_t *to = moved.data;
    survey->frames = sorted;
    sorted = swap;
    for (size_t i = 0; i < spans_count(&survey->pieces); i++) {
      uint64_t slot = spans_at(&survey->pieces)[i].slot;
      uint64_t page = slot & ((1u << SURVEY_SHIFT) - 1);
      spans_at(&survey->pieces)[i].slot =
          (uint64_t)to[slot >> SURVEY_SHIFT] << SURVEY_SHIFT | page;
    }
    done = spans_sort_by_slot(env, &survey->pieces);
  }
  spans_free(env, &order);
  buffer_free(env, &sorted);
  buffer_free(env, &moved);
  return done;
}

const struct span *survey_pieces(const struct survey *survey, size_t frame,
                                 size_t *count) {
  const struct span *at = spans_at(&survey->pieces);
  size_t low = 0, high = spans_count(&survey->pieces);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (at[middle].slot >> SURVEY_SHIFT < frame)
      low = middle + 1;
    else
      high = middle;
  }
  size_t end = low;
  while (end < spans_count(&survey->pieces) &&
         at[end].slot >> SURVEY_SHIFT == frame)
    end++;
  *count = end - low;
  return at + low;
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

struct hashing {
  struct surveying *surveying;
  struct buffer hashes; /* of one generation */
  uint64_t seed;
};

/* What a frame's pages hash to is told by the generation that wrote it, which
 * may be another than the one that has its pages. */
static int find_hashes(const struct image *image, void *context) {
  struct hashing *hashing = context;
  struct surveying *surveying = hashing->surveying;
  struct survey *survey = surveying->survey;
  if (image->commit.hashes == 0 || image->commit.hash_seed != hashing->seed)
    return 0;
  if (surveying->go_on && !surveying->go_on(surveying->context))
    return 1;
  int result = image_load_index(image, &surveying->index, surveying->error);
  if (result == 0)
    result = image_load_hashes(image, &hashing->hashes, surveying->error);
  const struct format_page_hash *hash = hashing->hashes.data;
  for (uint64_t i = 0; i < image->commit.page_frames && result == 0; i++) {
    const struct format_frame *frame = &surveying->index.frames[i];
    if (!(frame->flags & FORMAT_FRAME_HASHED))
      continue;
    size_t pages = frame->raw / CACHE_PAGE_SIZE;
    struct survey_frame *listed =
        frame->segment ? survey_find(survey, frame) : NULL;
    if (listed && listed->hashes == SURVEY_NO_HASHES) {
      listed->hashes = survey->hashes.length / sizeof(*hash);
      if (!buffer_append(image->cache->env, &survey->hashes, hash,
                         pages * sizeof(*hash)))
        result = fail_memory(surveying);
    }
    hash += pages;
  }
  return result;
}

/* ---- all of it ---- */

static int survey_chain(struct surveying *surveying, uint64_t number,
                        uint64_t seed) {
  struct survey *survey = surveying->survey;
  const struct cache_env *env = survey->cache->env;
  struct hashing hashing = {.surveying = surveying, .seed = seed};
  struct span all = {0, UINT64_MAX & ~(uint64_t)(CACHE_PAGE_SIZE - 1),
                     SPAN_NO_SLOT};
  if (!spans_append(env, &surveying->wanted, all))
    return fail_memory(surveying);
  int result = each_link(survey->cache, survey->application, survey->directory,
                         number, survey_link, surveying, surveying->error);
  if (result == 0 && !put_in_order(survey))
    result = fail_memory(surveying);
  if (result == 0)
    result = each_link(survey->cache, survey->application, survey->directory,
                       number, find_hashes, &hashing, surveying->error);
  buffer_free(env, &hashing.hashes);
  return result;
}

int survey_take(struct survey *survey, struct cache *cache,
                const char *application, int directory, uint64_t number,
                uint64_t seed, bool (*go_on)(void *context), void *context,
                struct hwckpt_error *error) {
  const struct cache_env *env = cache->env;
  *survey = (struct survey){
      .cache = cache, .application = application, .directory = directory};
  struct surveying surveying = {
      .survey = survey, .error = error, .go_on = go_on, .context = context};
  int result = survey_chain(&surveying, number, seed);
  spans_free(env, &surveying.wanted);
  spans_free(env, &surveying.rest);
  spans_free(env, &surveying.after);
  spans_free(env, &surveying.found);
  index_free(env, &surveying.index);
  buffer_free(env, &surveying.listed);
  return result;
}

void survey_free(struct survey *survey) {
  if (!survey->cache)
    return;
  const struct cache_env *env = survey->cache->env;
  buffer_free(env, &survey->frames);
  spans_free(env, &survey->pieces);
  buffer_free(env, &survey->hashes);
}
