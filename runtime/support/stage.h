/* stage.h - memory that holds a capture until it is written.
 *
 * Pages and holes are copied in while the program stands still; when the stage
 * is full it is written out at once (the program waits), else after the program
 * goes on. Records wait until all pages are written.
 */
#ifndef HWCKPT_SUPPORT_STAGE_H
#define HWCKPT_SUPPORT_STAGE_H

#include "../cache/cache.h"

/* How pages are copied. */
#define STAGE_KEEP_ZERO 1u /* absent does not read as zero there */
#define STAGE_READABLE 2u  /* by plain loads */
#define STAGE_ZERO 4u      /* not at all: they are to be zero */

struct stage_range {
  uint64_t begin, length;
};

struct stage {
  char *pages;         /* capacity * 4096 bytes */
  uint64_t *addresses; /* of each page, with STAGE_KEEP_ZERO or not */
  size_t capacity, count;
  struct stage_range *holes;
  size_t hole_count;
  char *records; /* type, length, bytes, ... */
  size_t record_bytes;
  int memory; /* /proc/self/mem, for pages that cannot be read directly */
  struct cache_writer *writer; /* of the generation being taken */
};

int stage_open(struct stage *stage, size_t bytes, struct hwckpt_error *error);
/* Copies the pages of [begin, end). */
int stage_pages(struct stage *stage, uint64_t begin, uint64_t end,
                unsigned flags, struct hwckpt_error *error);
/* Overwrites [begin, end) of the page that was staged last with zeros. */
void stage_clear_bytes(struct stage *stage, uint64_t begin, uint64_t end);
int stage_hole(struct stage *stage, uint64_t begin, uint64_t end,
               struct hwckpt_error *error);
int stage_record(struct stage *stage, uint32_t type, const void *data,
                 size_t length, struct hwckpt_error *error);
/* Writes pages and holes out. */
int stage_drain(struct stage *stage, struct hwckpt_error *error);
/* Puts the records to the writer, in order. */
int stage_put_records(struct stage *stage, struct hwckpt_error *error);
void stage_clear(struct stage *stage);

#endif
