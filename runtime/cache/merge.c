/* merge.c - merging the newest generation with all it builds on, so that what a
 * restore reads stays bounded however long the program runs.
 *
 * A merge writes the generation anew, as a base that says the same: its index
 * refers to the frames that the chain has in segments. Only pages are copied
 * that are in the files of the generations themselves, or in frames in which so
 * few pages count that reading them costs more than it is worth. The file takes
 * the place of the one before under its name, with its identity, so that what
 * builds on it goes on; what it does not need any more is retention's business.
 *
 * Invariant: at every instant the name stands for one of the two, whole and
 * with all it refers to (the order is that of a commit, see commit.c); nobody
 * reads the chain while the name changes hands.
 *
 * Bounds: after a merge all frames together have room for merge_keep() of the
 * pages that count; a merge is due when what a restore may read has grown to
 * merge_due(), or the chain to MERGE_CHAIN generations; beyond merge_most(), or
 * twice the chain, it is carried through whatever waits for it.
 */
#include "reader.h"
#include "space.h"
#include "survey.h"
#include "writer.h"

#include <string.h>

#define MERGE_CHAIN 32u /* generations */
/* Pages that a restore may read for so many that count. The constant parts are
 * what is not worth the bother in a small program. */
static uint64_t merge_keep(uint64_t pages) { return pages + pages / 2 + 1024; }
static uint64_t merge_due(uint64_t pages) {
  return pages + pages / 4 * 3 + 2048;
}
static uint64_t merge_most(uint64_t pages) {
  return merge_due(pages) + pages / 2;
}
/* When there was no time to copy anything, a chain so short stays as it is. */
#define MERGE_LEAST 8u

struct merge {
  const struct cache_merge_options *options;
  struct cache_merge_result *result;
  struct image image; /* the generation that is merged; closed */
  CacheCommit before; /* its commit record */
  struct survey survey;
  unsigned fill; /* frames with so few pages that count are copied */
  bool urgent;   /* it is carried through */
};

/* ---- whether ---- */

static bool is_due(const struct chain_cost *cost) {
  return cost->length > MERGE_CHAIN ||
         cost->frame_pages > merge_due(cost->image_pages);
}

static bool is_urgent(const struct chain_cost *cost) {
  return cost->length > 2 * MERGE_CHAIN ||
         cost->frame_pages > merge_most(cost->image_pages);
}

/* > 0: there is nothing to do. */
static int look(struct merge *merge, struct cache *cache,
                const char *application, int directory, uint64_t newest,
                struct hwckpt_error *error) {
  struct chain_cost cost;
  if (newest == 0)
    return 1;
  int result =
      chain_measure(cache, application, directory, newest, &cost, error);
  if (result < 0)
    return result;
  merge->result->generations = cost.length;
  merge->urgent = is_urgent(&cost);
  if (is_due(&cost))
    return 0;
  return merge->options->always &&
                 (cost.length > 1 ||
                  cost.frame_pages > merge_keep(cost.image_pages))
             ? 0
             : 1;
}

/* Before the writer's lock is taken and the turn counted up. */
static int look_first(struct merge *merge, struct cache *cache,
                      const char *application, struct hwckpt_error *error) {
  struct buffer numbers = {0};
  int directory, readers;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = directory_numbers(cache, application, directory,
                             format_parse_generation, &numbers, error);
  size_t count = numbers.length / sizeof(uint64_t);
  uint64_t newest = count ? ((const uint64_t *)numbers.data)[count - 1] : 0;
  buffer_free(cache->env, &numbers);
  if (result == 0)
    result = look(merge, cache, application, directory, newest, error);
  if (result == 0) {
    result = space_exclude(cache, application, &readers, error);
    if (result == 0 && readers < 0)
      result = 1;
    space_let_go(cache, readers);
  }
  cache->env->io->close(directory);
  return result;
}

/* Who the merged generation is: the newest, but for what it builds on. */
static int identify(struct cache_writer *writer, void *context,
                    struct hwckpt_error *error) {
  struct merge *merge = context;
  struct image *image = &merge->image;
  int result = writer_find_newest(writer, error);
  if (result == 0)
    result = look(merge, writer->cache, writer->application, writer->directory,
                  writer->newest, error);
  if (result)
    return result;
  result = image_open(image, writer->cache, writer->application,
                      writer->directory, writer->newest, error);
  if (result < 0)
    return result;
  image_close(image);
  merge->before = image->commit;
  writer->replaces = &merge->before;
  writer->header = image->header;
  writer->header.parent = writer->header.parent_commit = 0;
  writer->header.identity = image->identity;
  writer_take_number(writer, writer->newest);
  return 0;
}

/* ---- what is copied ---- */

static unsigned pages_in(uint64_t live) {
  unsigned pages = 0;
  for (; live; live &= live - 1)
    pages++;
  return pages;
}

/* The emptiest frames are copied, as many as it takes: each takes the room of a
 * full one to read. */
static void choose(struct merge *merge) {
  struct survey *survey = &merge->survey;
  uint64_t frames[FORMAT_FRAME_PAGES + 1] = {0}, room = 0;
  for (size_t i = 0; i < survey_count(survey); i++) {
    const struct survey_frame *frame = &survey_frames(survey)[i];
    bool can_stay = survey_can_stay(frame);
    frames[pages_in(frame->live)] += can_stay;
    room += can_stay ? FORMAT_FRAME_PAGES : pages_in(frame->live);
  }
  unsigned fill = 0;
  while (room > merge_keep(survey->pages) && fill + 1 < FORMAT_FRAME_PAGES) {
    fill++;
    room -= frames[fill] * (FORMAT_FRAME_PAGES - fill);
  }
  merge->fill = fill;
}

/* ---- copying ---- */

struct copying {
  struct merge *merge;
  struct cache_writer *writer;
  struct frame_reader frames;
  struct image image; /* whose frame was read last */
  bool open;
};

static int open_image(struct copying *copying, uint64_t number,
                      struct hwckpt_error *error) {
  struct cache_writer *writer = copying->writer;
  if (copying->open && copying->image.number == number)
    return 0;
  if (copying->open)
    image_close(&copying->image);
  int result = image_open(&copying->image, writer->cache, writer->application,
                          writer->directory, number, error);
  copying->open = result == 0;
  return result;
}

static int put_page(struct cache_writer *writer, uint64_t address,
                    uint64_t slot, struct hwckpt_error *error) {
  struct span span = {address, address + CACHE_PAGE_SIZE, slot};
  return spans_append(writer->cache->env, &writer->put, span)
             ? 0
             : writer_no_memory(writer, error);
}

/* Copies the pages of a frame that count; one that is at several addresses,
 * once. */
static int copy_frame(struct copying *copying, size_t number,
                      struct hwckpt_error *error) {
  static const uint64_t nowhere = UINT64_MAX;
  struct cache_writer *writer = copying->writer;
  const struct survey *survey = &copying->merge->survey;
  const struct survey_frame *frame = &survey_frames(survey)[number];
  const struct image_index index = {.frames = &frame->frame};
  uint64_t slots[FORMAT_FRAME_PAGES_MAX];
  const unsigned char *data;
  size_t count;
  const struct span *piece = survey_pieces(survey, number, &count);
  int result = open_image(copying, frame->generation, error);
  if (result == 0)
    result = frame_reader_read(&copying->frames, &copying->image, &index, 0, 1,
                               NULL, &data, error);
  for (size_t i = 0; i < frame->frame.raw / CACHE_PAGE_SIZE; i++)
    slots[i] = nowhere;
  for (; count && result == 0; piece++, count--) {
    uint64_t page = piece->slot & ((1u << SURVEY_SHIFT) - 1);
    for (uint64_t at = piece->begin; at < piece->end && result == 0; page++) {
      if (slots[page] == nowhere) {
        result = writer_append_page(writer, data + page * CACHE_PAGE_SIZE,
                                    &slots[page], error);
        copying->merge->result->copied_pages++;
      }
      if (result == 0)
        result = put_page(writer, at, slots[page], error);
      at += CACHE_PAGE_SIZE;
    }
  }
  return result;
}

static bool is_copied(const struct merge *merge,
                      const struct survey_frame *frame) {
  return !survey_can_stay(frame) || pages_in(frame->live) <= merge->fill;
}

static bool goes_on(const struct merge *merge) {
  const struct cache_merge_options *options = merge->options;
  return merge->urgent || !options->go_on || options->go_on(options->context);
}

/* What cannot stay is copied in any case, of the rest what there is time for:
 * what can stay and is listed from *stay on does. > 0: it is not worth it. */
static int copy_frames(struct copying *copying, size_t *stay,
                       struct hwckpt_error *error) {
  const struct merge *merge = copying->merge;
  const struct survey *survey = &merge->survey;
  bool any = false;
  int result = 0;
  *stay = survey_count(survey);
  for (size_t i = 0; i < survey_count(survey) && result == 0; i++) {
    const struct survey_frame *frame = &survey_frames(survey)[i];
    bool can_stay = survey_can_stay(frame);
    if (!is_copied(merge, frame) || (can_stay && i >= *stay))
      continue;
    if (can_stay && !goes_on(merge)) {
      *stay = i;
      if (!any && survey->length < MERGE_LEAST)
        return 1;
      continue;
    }
    any = any || can_stay;
    result = copy_frame(copying, i, error);
  }
  return result;
}

/* Refers to a frame where it is. */
static int take_over(struct cache_writer *writer, const struct survey *survey,
                     size_t number, struct hwckpt_error *error) {
  const struct cache_env *env = writer->cache->env;
  const struct survey_frame *from = &survey_frames(survey)[number];
  struct format_frame frame = from->frame;
  size_t pages = frame.raw / CACHE_PAGE_SIZE, count;
  uint32_t index;
  frame.flags = from->hashes == SURVEY_NO_HASHES ? 0 : FORMAT_FRAME_HASHED;
  int result = writer_add_frame(writer, &frame, &index, error);
  if (result == 0 && frame.flags &&
      !buffer_append(env, &writer->hashes,
                     (const struct format_page_hash *)survey->hashes.data +
                         from->hashes,
                     pages * sizeof(struct format_page_hash)))
    result = writer_no_memory(writer, error);
  const struct span *piece = survey_pieces(survey, number, &count);
  for (; count && result == 0; piece++, count--) {
    struct span span = *piece;
    uint64_t page = piece->slot & ((1u << SURVEY_SHIFT) - 1);
    span.slot = (uint64_t)index * FORMAT_FRAME_PAGES + page;
    if (!spans_append(env, &writer->put, span))
      result = writer_no_memory(writer, error);
  }
  return result;
}

static int take_over_rest(const struct merge *merge,
                          struct cache_writer *writer, size_t stay,
                          struct hwckpt_error *error) {
  const struct survey *survey = &merge->survey;
  int result = writer_end_frame(writer, error);
  writer->taken_over =
      (uint32_t)(writer->frames.length / sizeof(struct format_frame));
  for (size_t i = 0; i < survey_count(survey) && result == 0; i++) {
    const struct survey_frame *frame = &survey_frames(survey)[i];
    if (!is_copied(merge, frame) || (survey_can_stay(frame) && i >= stay))
      result = take_over(writer, survey, i, error);
  }
  return result;
}

static int write_frames(struct merge *merge, struct cache_writer *writer,
                        struct hwckpt_error *error) {
  struct copying copying = {.merge = merge, .writer = writer};
  size_t stay = 0;
  int result = frame_reader_open(&copying.frames, writer->cache,
                                 writer->application, writer->directory, error);
  if (result < 0)
    return result;
  result = copy_frames(&copying, &stay, error);
  if (copying.open)
    image_close(&copying.image);
  frame_reader_close(&copying.frames);
  return result ? result : take_over_rest(merge, writer, stay, error);
}

/* ---- the rest of it ---- */

/* The records are the generation's own, not of those it builds on. */
static int write_records(struct cache_writer *writer,
                         struct hwckpt_error *error) {
  struct image image;
  struct image_index index = {0};
  int result = image_open(&image, writer->cache, writer->application,
                          writer->directory, writer->number, error);
  if (result < 0)
    return result;
  result = image_load_index(&image, &index, error);
  if (result == 0)
    result = image_read_records(&image, &index, &writer->records, error);
  index_free(writer->cache->env, &index);
  image_close(&image);
  return result;
}

/* Nobody reads while the name changes hands. */
static int commit(struct merge *merge, struct cache_writer *writer,
                  struct hwckpt_error *error) {
  struct cache *cache = writer->cache;
  char application[CACHE_NAME_MAX];
  int readers;
  memcpy(application, writer->application, sizeof(application));
  int result = space_exclude(cache, application, &readers, error);
  if (result < 0 || readers < 0) {
    cache_abort(writer);
  } else {
    result = cache_commit(writer, &merge->result->generation, error);
    merge->result->merged = result == 0;
  }
  space_let_go(cache, readers);
  return result;
}

static int write_all(struct merge *merge, struct cache_writer *writer,
                     struct hwckpt_error *error) {
  const struct cache_merge_options *options = merge->options;
  int result = survey_take(
      &merge->survey, writer->cache, writer->application, writer->directory,
      writer->number, writer->session->content.seed,
      merge->urgent ? NULL : options->go_on, options->context, error);
  if (result)
    return result;
  choose(merge);
  writer->commit.merged = merge->before.merged + merge->survey.length - 1;
  result = write_frames(merge, writer, error);
  return result ? result : write_records(writer, error);
}

/* Of what was copied the copies are what later generations shall refer to. */
static bool is_not_copied(const struct format_frame *frame, void *context) {
  const struct merge *merge = context;
  const struct survey_frame *listed = survey_find(&merge->survey, frame);
  return !listed || !is_copied(merge, listed);
}

/* What is written next shall not refer to what turned out to be damaged. */
static void forget_content(struct cache *cache, int result) {
  if (cache->session &&
      (result == -HWCKPT_E_CACHE_DAMAGED ||
       result == -HWCKPT_E_CACHE_TRUNCATED ||
       result == -HWCKPT_E_CACHE_FORGED || result == -HWCKPT_E_CHAIN_BROKEN))
    content_forget(cache->env, &cache->session->content);
}

int cache_merge(struct cache *cache, const char *application,
                const struct cache_merge_options *options,
                struct cache_merge_result *merged, struct hwckpt_error *error) {
  struct merge merge = {.options = options, .result = merged};
  struct cache_writer *writer;
  memset(merged, 0, sizeof(*merged));
  int result = look_first(&merge, cache, application, error);
  if (result == 0)
    result = writer_open(cache, application, options->level, identify, &merge,
                         &writer, error);
  if (result == 0) {
    result = write_all(&merge, writer, error);
    if (result == 0)
      result = commit(&merge, writer, error);
    else
      cache_abort(writer);
  }
  if (merged->merged && cache->session)
    content_sweep(&cache->session->content, is_not_copied, &merge);
  forget_content(cache, result);
  survey_free(&merge.survey);
  return result < 0 ? result : 0;
}
