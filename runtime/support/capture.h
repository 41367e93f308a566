/* capture.h - copying pages that a scan reports into the ring, without what is
 * excluded from checkpoints.
 *
 * While the program runs a page may be unmapped, or written in the middle of
 * being copied: what cannot be read is left to the next scan, and what was
 * written shows there again.
 */
#ifndef HWCKPT_SUPPORT_CAPTURE_H
#define HWCKPT_SUPPORT_CAPTURE_H

#include "dirty.h"
#include "ring.h"
#include "runs.h"
#include "unused.h"

struct capture {
  struct ring *ring;
  struct dirty *dirty;
  struct unused unused;
  const struct area *area; /* that is being scanned */
  bool live;               /* the program runs */
  int memory;              /* /proc/self/mem */
  uint64_t pages;          /* copied so far */
  struct hwckpt_error *error;
};

int capture_open(struct capture *capture, struct ring *ring,
                 struct dirty *dirty, struct hwckpt_error *error);

/* In a child: reads its own memory from now on. */
int capture_reopen(struct capture *capture);

/* Copies what a scan found, in the program's stop or in a child. */
int capture_runs(struct capture *capture, const struct memory_map *map,
                 const struct runs *runs);

/* A dirty_visit of a struct capture. While the program runs the ring has room
 * for what is visited; else it is waited for. */
int capture_visit(enum dirty_run run, uint64_t begin, uint64_t end,
                  void *context);

#endif
