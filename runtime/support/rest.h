/* rest.h - what is left to capture once the program stands still: finding it,
 * and copying it, here or in a copy-on-write child.
 */
#ifndef HWCKPT_SUPPORT_REST_H
#define HWCKPT_SUPPORT_REST_H

#include "capture.h"
#include "memory_settings.h"
#include "records.pb.h"
#include "search.h"

/* Who copies. */
enum rest_by {
  REST_BY_CHEAPER, /* as measured so far */
  REST_BY_STOP,    /* we, while the program stands still */
  REST_BY_CHILD,   /* a child, where there can be one */
};

struct rest {
  struct capture *capture;
  struct memory_map *map;
  struct runs runs;
  struct search *search; /* null: not yet, or none can be had */
  long child;            /* its pid; 0: none */
  bool touched;          /* more than a search knows of */
  bool no_children;      /* one failed: they do not see all of the program */
  const struct memory_settings *settings; /* what children do not see */
  uint64_t resident;                      /* pages in memory, about */
  uint64_t page_ns;                       /* measured: copying a page, */
  uint64_t clone_mib_ns; /* and making a child, for each MiB in memory */
};

int rest_open(struct rest *rest, struct capture *capture,
              struct memory_map *map, struct hwckpt_error *error);

/* Before the stop, of a program with so many pages in memory: sees to what a
 * search needs (search.h), if there may be one. */
void rest_expect(struct rest *rest, uint64_t resident);
/* Between stop and resume, with the map read: what comes before the scan. Where
 * little is expected, others look for them from now on. */
int rest_begin(struct rest *rest, bool little, const struct parked *threads,
               unsigned count, struct hwckpt_error *error);
/* Then: what lies in [begin, end) counts as written. */
void rest_touch(struct rest *rest, uint64_t begin, uint64_t end);
/* Memory was written since rest_begin(): what a search finds is not all. */
void rest_search_in_vain(struct rest *rest);
/* The last in a stop. */
void rest_end(struct rest *rest);

/* After that: scans all areas of the map, and copies what was
 * written, or starts the child that does. */
int rest_capture(struct rest *rest, bool all, enum rest_by by,
                 Statistics *statistics, struct hwckpt_error *error);

/* Afterwards, also when the checkpoint failed meanwhile: waits for the child,
 * which puts into the ring until then. A failure is worth another try: without
 * a child. */
int rest_finish(struct rest *rest, struct hwckpt_error *error);

#endif
