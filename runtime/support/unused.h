/* unused.h - memory whose content nobody needs any more: freed blocks of
 * glibc's malloc, and, if asked for, stacks below what is in use of them.
 *
 * Whole pages, which checkpoints leave out: they read as zero after a restore.
 * Looked for while the program runs they are a guess, by which rounds go; in
 * the stop they are certain, and what was guessed wrongly counts as written
 * again. Invariant: a page that is in the list of the stop holds nothing that
 * the program, or malloc itself, may read before it writes it.
 */
#ifndef HWCKPT_SUPPORT_UNUSED_H
#define HWCKPT_SUPPORT_UNUSED_H

#include "dirty.h"
#include "freed.h"
#include "quiesce.h"

/* What is left out. */
enum unused_kinds {
  UNUSED_HEAP,       /* freed blocks */
  UNUSED_HEAP_STACK, /* and stacks below their pointers */
  UNUSED_NOTHING,
};

#define UNUSED_RANGES 2048u

struct unused_list {
  unsigned count;
  struct unused_range {
    uint64_t begin, end;
  } ranges[UNUSED_RANGES]; /* ascending, apart from each other */
};

struct unused {
  enum unused_kinds kinds;
  struct freed freed;
  struct unused_list *now, *before;
  unsigned guesses; /* for this generation, that of the stop with them */
};

/* Gets the lists (private memory). */
int unused_open(struct unused *unused, enum unused_kinds kinds,
                struct hwckpt_error *error);

/* A generation begins: nothing of it was left out. */
void unused_begin(struct unused *unused);

/* While the program runs, before a round: guesses anew. */
void unused_guess(struct unused *unused, struct dirty *dirty,
                  const struct memory_map *map);

/* The last before the stop; reads the map anew where need be. */
void unused_expect(struct unused *unused, struct memory_map *map);

/* In the stop, before the scan. */
void unused_find(struct unused *unused, struct dirty *dirty,
                 const struct memory_map *map, const struct parked *threads,
                 unsigned count);

/* After that: what rounds may have copied, as it was in use then. */
void unused_each_copied(const struct unused *unused,
                        void (*visit)(uint64_t begin, uint64_t end,
                                      void *context),
                        void *context);

/* The part of [begin, end), which lies in the area, that is unused and begins
 * lowest: sets *from and *to and returns true, or returns false when there is
 * none. */
bool unused_in(const struct unused *unused, const struct area *area,
               uint64_t begin, uint64_t end, uint64_t *from, uint64_t *to);

#endif
