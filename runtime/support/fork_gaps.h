/* fork_gaps.h - memory that the copy-on-write child need not have, or must not.
 *
 * A clone takes as long as there are pages to copy the tables of, 17 to 26 ms a
 * GiB; what is to be copied is often a small part of them. And the kernel
 * counts who has System V memory attached, by which other processes of a tree
 * find out in the same stop whether strangers have. Invariant: what is kept
 * from the child is given to children again before the program goes on, and
 * nothing the program itself keeps from its children is.
 */
#ifndef HWCKPT_SUPPORT_FORK_GAPS_H
#define HWCKPT_SUPPORT_FORK_GAPS_H

#include "memory_map.h"
#include "runs.h"

#define FORK_GAPS 64u

struct fork_gaps {
  struct {
    uint64_t begin, end;
  } list[FORK_GAPS];
  unsigned count;
};

/* The program standing still, and keeping nothing from its children: keeps
 * System V memory, and large ranges without a run of pages, from children that
 * are made now. */
void fork_gaps_hide(struct fork_gaps *gaps, const struct memory_map *map,
                    const struct runs *runs);
void fork_gaps_show(const struct fork_gaps *gaps);

#endif
