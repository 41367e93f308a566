/* survivors.h - processes of an application that outlived its `hwckpt`.
 *
 * When that is killed its first process is killed with it, others go on and are
 * anybody's children. Beside them a restore would be a second life of one
 * program: it names them, and those that were born since the checkpoint too.
 */
#ifndef HWCKPT_SURVIVORS_H
#define HWCKPT_SURVIVORS_H

#include "generation.h"

struct survivors_search {
  const char *cache, *application;
  const struct generation *const *generations; /* the root's first */
  size_t count;
};

/* E311 while one runs that is of the generations, descends from one of them, or
 * was begun under the same first process: its environment says so. Waits for
 * those that end by themselves now that the others have. */
int survivors_check(const struct survivors_search *search,
                    struct hwckpt_error *error);

#endif
