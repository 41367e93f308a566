/* freed.h - whole pages in free blocks of glibc's malloc.
 *
 * Source: malloc/malloc.c and malloc/arena.c of glibc 2.27 to 2.41, whose
 * struct malloc_state and chunks are laid out alike. Nothing else is believed:
 * the main arena is recognised by its bins, and each chunk by the chunks beside
 * it and by its footer. Blocks of other allocators are in none of its lists.
 * What malloc keeps in a free block, at its begin and behind its end, is in no
 * page that is reported. Blocks in the caches of threads and in fastbins are
 * in use as far as this goes.
 */
#ifndef HWCKPT_SUPPORT_FREED_H
#define HWCKPT_SUPPORT_FREED_H

#include "memory_map.h"
#include "quiesce.h"

struct freed {
  uint64_t arena;    /* the main one; 0: not found yet */
  unsigned searches; /* that were in vain */
};

struct freed_look {
  const struct memory_map *map;
  const struct area *last; /* where the last look was */
  bool live;               /* the program runs: memory may be gone */
  unsigned chunks;         /* that may still be looked at */
  /* Called for ranges of pages, in no order. */
  void (*visit)(uint64_t begin, uint64_t end, void *context);
  void *context;
};

/* Looks for glibc's main arena; unless that was found, or is not to be. While
 * the program runs or not. */
bool freed_is_missing(const struct freed *freed);
void freed_search(struct freed *freed, const struct memory_map *map);

/* Looks through all arenas. An arena in which something does not fit is left
 * out, with what was found of it already: false. */
bool freed_look(const struct freed *freed, struct freed_look *look);

/* Whether a thread stands in malloc, or may: then its blocks may be in the
 * middle of being changed. In the stop. */
bool freed_is_busy(const struct memory_map *map, const struct parked *threads,
                   unsigned count);

#endif
