/* runs.h - the list of what a scan found, between scanning and copying.
 */
#ifndef HWCKPT_SUPPORT_RUNS_H
#define HWCKPT_SUPPORT_RUNS_H

#include "dirty.h"

#include <stddef.h>

struct run {
  uint64_t begin, end;
  uint32_t area; /* its index in the memory map */
  uint32_t kind; /* enum dirty_run */
};

struct runs {
  struct run *list;
  size_t count, room;
  uint64_t pages; /* to be copied */
};

int runs_open(struct runs *runs, struct hwckpt_error *error);
/* Adds a run, or grows the last one. False when the list is full. */
bool runs_add(struct runs *runs, uint32_t area, enum dirty_run kind,
              uint64_t begin, uint64_t end);
void runs_clear(struct runs *runs);

#endif
