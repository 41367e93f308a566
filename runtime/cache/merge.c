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
/* Pages that a restore may read for so many that count, and `extra` percent
 * more. The constant parts are what is not worth the bother in a small program.
 */
static uint64_t merge_keep(uint64_t pages, unsigned extra) {
  return pages + pages * extra / 200 + 1024;
}
static uint64_t merge_due(uint64_t pages, unsigned extra) {
  return pages + pages * extra / 100 + 2048;
}
static uint64_t merge_most(uint64_t pages, unsigned extra) {
  return merge_due(pages, extra) + pages / 4 * 3;
}
/* When there was no time to copy anything, a chain so short stays as it is. */
#define MERGE_LEAST 8u

struct merge {
  const struct cache_merge_options *options;
  struct cache_merge_result *result;
  struct image image; /* the generation that is merged; closed */
  CacheCommit before; /* its commit record */
  struct survey survey;
  unsigned extra; /* percent of its pages, that a restore may read */
  unsigned fill;  /* frames with so few pages that count are copied */
  bool urgent;    /* it is carried through */
};

/* ---- whether ---- */

static bool is_due(const struct chain_cost *cost, unsigned extra) {
  return cost->length > MERGE_CHAIN ||
         cost->frame_pages > merge_due(cost->image_pages, extra);
}

static bool is_urgent(const struct chain_cost *cost, unsigned extra) {
  return cost->length > 2 * MERGE_CHAIN ||
         cost->frame_pages > merge_most(cost->image_pages, extra);
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
  merge->urgent = is_urgent(&cost, merge->extra);
  if (is_due(&cost, merge->extra))
    return 0;
  return merge->options->always &&
                 (cost.length > 1 ||
                  cost.frame_pages > merge_keep(cost.image_pages, merge->extra))
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

static bool has_bits(const struct survey_frame *frame) {
  return frame->pages_max <= FORMAT_FRAME_PAGES;
}

static bool is_live(const struct survey_frame *frame, size_t page) {
  return !has_bits(frame) || frame->live >> page & 1;
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
  while (room > merge_keep(survey->pages, merge->extra) &&
         fill + 1 < FORMAT_FRAME_PAGES) {
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

/* Copies the pages of a frame that count, each once, whatever the addresses it
 * is at; of one that cannot stay for its size, all. */
static int copy_frame(struct copying *copying, struct survey_frame *frame,
                      struct hwckpt_error *error) {
  struct cache_writer *writer = copying->writer;
  const struct survey *survey = &copying->merge->survey;
  const struct image_index index = {.frames = &frame->frame};
  const unsigned char *data;
  uint64_t slot;
  bool first = true;
  int result = open_image(copying, survey_number(survey, frame), error);
  if (result == 0)
    result = frame_reader_read(&copying->frames, &copying->image, &index, 0, 1,
                               NULL, &data, error);
  for (size_t i = 0; i < frame->frame.raw / CACHE_PAGE_SIZE && result == 0;
       i++) {
    if (!is_live(frame, i))
      continue;
    result =
        writer_append_page(writer, data + i * CACHE_PAGE_SIZE, &slot, error);
    if (first)
      frame->to = slot;
    first = false;
    copying->merge->result->copied_pages++;
  }
  frame->copied = true;
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

/* What cannot stay is copied in any case, of the rest what there is time for.
 * > 0: it is not worth it. */
static int copy_frames(struct copying *copying, struct hwckpt_error *error) {
  const struct merge *merge = copying->merge;
  const struct survey *survey = &merge->survey;
  bool any = false, time = true;
  int result = 0;
  for (size_t i = 0; i < survey_count(survey) && result == 0; i++) {
    struct survey_frame *frame = &survey_frames(survey)[i];
    bool can_stay = survey_can_stay(frame);
    if (!is_copied(merge, frame) || (can_stay && !time))
      continue;
    if (can_stay && !goes_on(merge)) {
      time = false;
      if (!any && survey->length < MERGE_LEAST)
        return 1;
      continue;
    }
    any = any || can_stay;
    result = copy_frame(copying, frame, error);
  }
  return result;
}

/* Refers to the frames that were not copied where they are. */
static int take_over_rest(struct merge *merge, struct cache_writer *writer,
                          struct hwckpt_error *error) {
  struct survey *survey = &merge->survey;
  int result = writer_end_frame(writer, error);
  writer->taken_over =
      (uint32_t)(writer->frames.length / sizeof(struct format_frame));
  for (size_t i = 0; i < survey_count(survey) && result == 0; i++) {
    struct survey_frame *from = &survey_frames(survey)[i];
    struct format_frame frame = from->frame;
    uint32_t index;
    if (from->copied)
      continue;
    frame.flags = from->hashes == SURVEY_NO_HASHES ? 0 : FORMAT_FRAME_HASHED;
    result = writer_add_frame(writer, &frame, &index, error);
    from->to = (uint64_t)index * FORMAT_FRAME_PAGES;
  }
  return result;
}

/* ---- what the index says of them ---- */

struct telling {
  struct merge *merge;
  struct cache_writer *writer;
  struct hwckpt_error *error;
};

/* Those that were copied lie one behind the other. */
static uint64_t slot_of(const struct survey_frame *frame, unsigned page) {
  if (!frame->copied || !has_bits(frame))
    return frame->to + page;
  return frame->to + pages_in(frame->live & ((UINT64_C(1) << page) - 1));
}

static int tell_piece(const struct survey_piece *piece, void *context) {
  struct telling *telling = context;
  const struct survey_frame *frame =
      &survey_frames(&telling->merge->survey)[piece->frame];
  const struct span span = {piece->begin, piece->end,
                            slot_of(frame, piece->page)};
  return writer_list_extent(telling->writer, &span, telling->error);
}

static int tell_pieces(struct cache_writer *writer, void *context,
                       struct hwckpt_error *error) {
  struct telling telling = {context, writer, error};
  return survey_each(&telling.merge->survey, tell_piece, &telling, error);
}

static int tell_hash(const void *hashes, size_t length, void *context) {
  struct telling *telling = context;
  return writer_list(telling->writer, hashes, length, telling->error);
}

/* In the order in which the frames were taken over. */
static int tell_hashes(struct cache_writer *writer, void *context,
                       struct hwckpt_error *error) {
  struct telling telling = {context, writer, error};
  struct survey *survey = &telling.merge->survey;
  int result = 0;
  for (size_t i = 0; i < survey_count(survey) && result == 0; i++) {
    const struct survey_frame *frame = &survey_frames(survey)[i];
    if (!frame->copied && frame->hashes != SURVEY_NO_HASHES)
      result = survey_each_hash(survey, frame, tell_hash, &telling, error);
  }
  return result;
}

static int write_frames(struct merge *merge, struct cache_writer *writer,
                        struct hwckpt_error *error) {
  struct copying copying = {.merge = merge, .writer = writer};
  int result = frame_reader_open(&copying.frames, writer->cache,
                                 writer->application, writer->directory, error);
  if (result < 0)
    return result;
  result = copy_frames(&copying, error);
  if (copying.open)
    image_close(&copying.image);
  frame_reader_close(&copying.frames);
  return result ? result : take_over_rest(merge, writer, error);
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
  result = image_load_frames(&image, &index, error);
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
  return !listed || !listed->copied;
}

/* What is written next shall not refer to what turned out to be damaged. */
static void forget_content(struct cache *cache, int result) {
  if (cache->session &&
      (cache_is_damage(result) || result == -HWCKPT_E_CHAIN_BROKEN))
    content_forget(cache->env, &cache->session->content);
}

int cache_merge(struct cache *cache, const char *application,
                const struct cache_merge_options *options,
                struct cache_merge_result *merged, struct hwckpt_error *error) {
  struct merge merge = {.options = options,
                        .result = merged,
                        .extra = options->extra_reads ? options->extra_reads
                                                      : CACHE_EXTRA_READS};
  const struct writer_told told = {tell_pieces, tell_hashes, &merge};
  struct cache_writer *writer;
  memset(merged, 0, sizeof(*merged));
  int result = look_first(&merge, cache, application, error);
  if (result == 0)
    result = writer_open(cache, application, options->level, identify, &merge,
                         &writer, error);
  if (result == 0) {
    writer->told = &told;
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
