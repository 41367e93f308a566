/* search.h - the scan of a stop in which little is expected, shared out
 * among the crew (crew.h), while the checkpoint thread describes kernel
 * objects.
 *
 * Nothing is protected: to tell the other processors of each page that it is
 * would take longer than all the rest. What is found counts as written in the
 * next scan once more, so a search is for little.
 */
#ifndef HWCKPT_SUPPORT_SEARCH_H
#define HWCKPT_SUPPORT_SEARCH_H

#include "dirty.h"

struct search;

/* Private memory, and the crew; null: there is none. */
struct search *search_open(void);

/* Begins to look through all areas of the map; the program stands still. */
void search_begin(struct search *search, struct dirty *dirty,
                  const struct memory_map *map);

/* What becomes of an area: it is scanned in the usual way, or what was found in
 * it is visited. Non-zero ends it and is returned. */
struct search_taker {
  int (*scan)(uint32_t area, void *context);
  int (*found)(uint32_t area, enum dirty_run run, uint64_t begin, uint64_t end,
               void *context);
  void *context;
};

/* Waits for the search, and hands out what came of it, for every area once. */
int search_take(struct search *search, const struct search_taker *taker);

/* The same, and nobody wants to know. */
void search_end(struct search *search);

/* Whether one is under way. */
bool search_is_on(const struct search *search);

#endif
