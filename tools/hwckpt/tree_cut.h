/* tree_cut.h - one checkpoint of all processes of a program; see tree_cut.c. */
#ifndef HWCKPT_TREE_CUT_H
#define HWCKPT_TREE_CUT_H

#include "tree_callers.h"
#include "tree_processes.h"

/* What a cut is taken of, and whom it may leave for later. */
struct tree_cut_request {
  uint32_t number; /* of the cut, above 0 */
  int listener;    /* does not block */
  pid_t root;
  const pid_t *others; /* children of ours that are none of it */
  size_t other_count;
  struct tree_caller caller; /* who asks for it; its descriptor is taken over */
};

/* A process of that root would have asked for one, but for the error in its
 * hello, which is said. Takes the caller over. */
void tree_cut_not_asked(struct tree_caller *caller, pid_t root);

/* Takes it. `silent` are those who connected and have said nothing yet; who
 * called too late for it is added to `late`. How many milliseconds the program
 * stood in vain, as new processes kept appearing. */
uint64_t tree_cut(const struct tree_cut_request *request,
                  struct tree_callers *silent, struct tree_callers *late);

#endif
