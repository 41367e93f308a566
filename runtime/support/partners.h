/* partners.h - those with whom a process takes a checkpoint: the other
 * processes of its tree, of which all are captured as they are at one moment.
 *
 * What support/ knows of them is when they have a say. Each of these is called
 * on the checkpoint thread; null: nobody is asked. 0: go on; a negative code:
 * the checkpoint is given up. Invariant: between stopped() and captured() no
 * thread of the program runs.
 */
#ifndef HWCKPT_SUPPORT_PARTNERS_H
#define HWCKPT_SUPPORT_PARTNERS_H

#include "../cache/cache.h"
#include "../error.h"
#include "../resources/resource.h"
#include "stage.h"

enum { PARTNERS_ROUND = 1, PARTNERS_LET_GO };

struct partners {
  /* Under which its generations are written; "": its own. */
  const char *application;
  /* Those of whose content it has some, when its first one is written. */
  const struct cache_relatives *relatives;
  /* Whether others wait for its content, when the rounds are done. */
  bool (*publishes)(void);
  int (*begun)(const char *application, uint64_t number, uint64_t parent,
               struct hwckpt_error *error);
  /* Rounds are done; the stop comes next. PARTNERS_ROUND: others take long,
   * another round leaves less to it. PARTNERS_LET_GO: the same, and no thread
   * of the program is held meanwhile, for others may wait for it. */
  int (*prepared)(struct hwckpt_error *error);
  /* All threads stand. Fills what the sink has of the tree. 1: it is not
   * taken, and nothing is wrong. */
  int (*stopped)(struct resource_sink *sink, struct hwckpt_error *error);
  /* Everything is captured; the threads go on next. */
  int (*captured)(struct hwckpt_error *error);
  /* All is written but the records that this adds; the commit comes next. */
  int (*written)(struct stage *records, struct hwckpt_error *error);
};

#endif
