/* survey.h - what a generation consists of over its whole chain: which frames
 * hold the pages that count, and how full of them each frame is. Merging and
 * whoever asks what a restore will read begin here.
 *
 * Invariant: a page of the generation is in exactly one piece; a frame is in
 * the list once, however many generations refer to it, and only when at least
 * one of its pages counts. What is listed does not follow changes: the caller
 * holds the writer's lock, or lets nobody replace what is read.
 */
#ifndef HWCKPT_CACHE_SURVEY_H
#define HWCKPT_CACHE_SURVEY_H

#include "image.h"

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

#define SURVEY_NO_HASHES SIZE_MAX

struct survey_frame {
  struct format_frame frame;
  uint64_t generation; /* whose index has it */
  uint64_t live;       /* a bit for each page that counts, when it can stay */
  size_t hashes;       /* where in the survey's hashes those of its pages are */
  unsigned pages_max;  /* pages of a full frame there */
  bool own;            /* in a segment of the part alone */
};

/* A slot of a piece: the frame's place in the list, and the page in it. */
#define SURVEY_SHIFT 10
_Static_assert(FORMAT_FRAME_PAGES_MAX == 1u << SURVEY_SHIFT, "page in a frame");

struct survey {
  struct cache *cache;
  const char *application; /* borrowed, like the directory */
  int directory;
  struct buffer frames; /* struct survey_frame: those in generations' own files,
                         * newest generation first, then those in segments,
                         * ascending by segment and offset */
  struct spans pieces;  /* ascending by slot, each within one frame */
  struct buffer hashes; /* struct format_page_hash */
  uint64_t pages;       /* that count */
  unsigned length;      /* generations looked at */
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

/* The pieces in a frame. */
const struct span *survey_pieces(const struct survey *survey, size_t frame,
                                 size_t *count);

#endif
