/* survey.h - what a generation consists of over its whole chain: which frames
 * hold the pages that count, and how full of them each frame is. Merging and
 * whoever asks what a restore will read begin here.
 *
 * Invariant: a page of the generation is in exactly one piece; a frame is in
 * the list once, however many generations refer to it, and only when at least
 * one of its pages counts. Memory follows the number of frames and of
 * generations: pieces and hashes are not kept but read again when they are
 * asked for. What is listed does not follow changes: the caller holds the
 * writer's lock, or lets nobody replace what is read.
 */
#ifndef HWCKPT_CACHE_SURVEY_H
#define HWCKPT_CACHE_SURVEY_H

#include "blocks.h"

/* ---- as commit records tell it ---- */

/* What a restore reads at most. */
struct chain_cost {
  unsigned length;      /* generations */
  uint64_t frame_pages; /* room for pages in all frames they refer to */
  uint64_t image_pages; /* about the pages that the newest one has */
};

/* Reads the commit records of generation `number` and of all it builds on;
 * CHAIN_BROKEN, or what is wrong with the one that cannot be opened. */
int chain_measure(struct cache *cache, const char *application, int directory,
                  uint64_t number, struct chain_cost *cost,
                  struct hwckpt_error *error);

/* ---- as the indexes tell it ---- */

#define SURVEY_NO_HASHES UINT64_MAX

struct survey_frame {
  struct format_frame frame;
  uint64_t live;      /* a bit for each page that counts, when it can stay */
  uint64_t hashes;    /* the first of its pages' in the link's list of them */
  uint64_t to;        /* for the caller */
  uint32_t link;      /* whose index has it */
  uint32_t hashed_by; /* and whose hashes are its pages' */
  unsigned pages_max; /* pages of a full frame there */
  bool own;           /* in a segment of the part alone */
  bool counts;        /* some page of it */
  bool copied;        /* for the caller */
};

/* A generation of the chain. */
struct survey_link {
  uint64_t number;
  unsigned frame_pages;
  size_t first; /* of its frames, among those of all links */
  struct block_list index, hashes;
  uint64_t extents_at, extents;
  uint64_t holes_at, holes;
};

struct survey {
  struct cache *cache;
  const char *application; /* borrowed, like the directory */
  int directory;
  struct buffer links;  /* struct survey_link, newest generation first */
  struct buffer frames; /* struct survey_frame: those in generations' own files,
                         * newest generation first, then those in segments,
                         * ascending by segment and offset */
  struct buffer places; /* uint32_t for each frame of the links: its place in
                         * that list */
  struct blocks blocks;
  struct block_window window;
  uint64_t pages;  /* that count */
  unsigned length; /* generations looked at */
};

/* Whether another generation can refer to the frame as it is. */
bool survey_can_stay(const struct survey_frame *frame);

/* Looks through the chain of generation `number`. Of the hashes those made with
 * `seed` are kept. Calls go_on (which may be null) between generations; false
 * ends it with 1. The survey is the caller's to free in any case. */
int survey_take(struct survey *survey, struct cache *cache,
                const char *application, int directory, uint64_t number,
                uint64_t seed, bool (*go_on)(void *context), void *context,
                struct hwckpt_error *error);
void survey_free(struct survey *survey);

static inline struct survey_frame *survey_frames(const struct survey *survey) {
  return survey->frames.data;
}
static inline size_t survey_count(const struct survey *survey) {
  return survey->frames.length / sizeof(struct survey_frame);
}

/* The listed frame of a segment that lies there; null: none. */
struct survey_frame *survey_find(const struct survey *survey,
                                 const struct format_frame *frame);

/* Pages within one frame, which is at `frame` in the list. */
struct survey_piece {
  uint64_t begin, end;
  size_t frame;
  unsigned page;
};

/* Calls visit for all pieces, ascending by address, until it returns non-zero,
 * which is then returned. */
typedef int survey_visit_fn(const struct survey_piece *piece, void *context);
int survey_each(const struct survey *survey, survey_visit_fn *visit,
                void *context, struct hwckpt_error *error);

/* Calls visit with the hashes of a frame's pages, some at a time. */
int survey_each_hash(struct survey *survey, const struct survey_frame *frame,
                     int (*visit)(const void *hashes, size_t length,
                                  void *context),
                     void *context, struct hwckpt_error *error);

static inline uint64_t survey_number(const struct survey *survey,
                                     const struct survey_frame *frame) {
  return ((const struct survey_link *)survey->links.data)[frame->link].number;
}

#endif
