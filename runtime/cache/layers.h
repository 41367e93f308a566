/* layers.h - a list of spans that is appended to, where a later one covers what
 * lies below it, and that is then gone through as what is seen from above.
 * What was appended last is in memory; the rest lies in a file without a name,
 * in layers that are ascending and disjoint each.
 *
 * Invariant: memory is bounded, but for 32 bytes and a window for each layer;
 * what is read back is what was written, or the reading fails.
 */
#ifndef HWCKPT_CACHE_LAYERS_H
#define HWCKPT_CACHE_LAYERS_H

#include "nameless.h"
#include "spans.h"

struct layers {
  size_t most;         /* spans in memory; SIZE_MAX: all, and no file is made */
  struct spans recent; /* in the order appended */
  struct buffer lower; /* struct layer, the lowest first */
  struct nameless file;
};

/* The place is the file's, in `directory`; an error of it leaves a list that is
 * not to be used any more. */
int layers_append(struct layers *layers, const struct place *place,
                  int directory, struct span span, struct hwckpt_error *error);

typedef int layers_visit_fn(void *context, const struct span *piece,
                            struct hwckpt_error *error);

/* Goes through what is seen, ascending and disjoint, in pieces that may go on
 * in each other. That a layer is not what was written is an error at the latest
 * behind all of it: what the visitor makes of it counts when the result is 0.
 */
int layers_each(struct layers *layers, const struct place *place,
                layers_visit_fn *visit, void *context,
                struct hwckpt_error *error);

void layers_free(struct layers *layers, const struct place *place,
                 int directory);

#endif
