/* tree_cut.h - one checkpoint of all processes of a program; see tree_cut.c. */
#ifndef HWCKPT_TREE_CUT_H
#define HWCKPT_TREE_CUT_H

#include "tree_processes.h"

#include "runtime/interface/tree_abi.h"

/* A connection from a process that has said hello. */
struct tree_caller {
  int fd;
  pid_t pid; /* in our own namespace */
  struct tree_message hello;
};

/* What a cut is taken of, and whom it may leave for later. */
struct tree_cut_request {
  uint32_t number; /* of the cut, above 0 */
  int listener;
  pid_t root;
  const pid_t *others; /* children of ours that are none of it */
  size_t other_count;
  struct tree_caller caller; /* who asks for it; its descriptor is taken over */
};

/* Reads what a process says when it has connected to the listener: false when
 * it is nobody. */
bool tree_cut_accept(int listener, struct tree_caller *caller);

/* Takes it. Who called too late for it is in *late, *late_count of them, the
 * caller's to free and to close. */
void tree_cut(const struct tree_cut_request *request, struct tree_caller **late,
              size_t *late_count);

/* Tells a caller that there is nothing to be had, and hangs up. */
void tree_cut_refuse(struct tree_caller *caller);

#endif
