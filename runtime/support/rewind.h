/* rewind.h - the program's memory as a generation has it, within the process.
 *
 * What has changed since is compared and read first (rewind_plan(): nothing is
 * changed, all may fail), then put back (rewind_apply()). The work goes by what
 * was written: mappings that differ are made anew, of the others the pages
 * written since get their content back. LIVE variables (live.h) and private
 * memory are left alone.
 *
 * On the checkpoint thread, while the program's threads stand on stacks that
 * are not the program's.
 */
#ifndef HWCKPT_SUPPORT_REWIND_H
#define HWCKPT_SUPPORT_REWIND_H

#include "dirty.h"
#include "records.pb.h"

#include "../cache/cache.h"

struct rewind_change;
struct rewind_want;

struct rewind {
  /* Filled by the caller. */
  const struct dirty *dirty;
  struct memory_map *map;
  struct cache_reader *reader;
  bool all;            /* what was written since is not known */
  size_t staged_bytes; /* memory for pages read before anything is changed */

  uint64_t pages; /* that got their content back */

  /* The module's own. */
  Process *process;
  struct area *then;    /* the generation's areas, without names */
  size_t *then_records; /* of each, its record */
  size_t then_count;
  struct rewind_change *changes;
  size_t change_count, changes_room;
  struct rewind_want *wants; /* ascending, disjoint */
  struct cache_range *ranges;
  size_t want_count, wants_room;
  uint64_t *found; /* a bit per page of wants: the generation has it */
  size_t found_bytes;
  char *stage;
  struct rewind_run *runs; /* of pages in the stage */
  size_t staged, run_count;
  bool staged_all;
  int memory; /* /proc/self/mem */
  size_t records;
};

/* Reads the generation's description; threads may run. */
int rewind_open(struct rewind *rewind, struct hwckpt_error *error);
/* Compares with the program as it stands now. Nothing is changed. */
int rewind_plan(struct rewind *rewind, struct hwckpt_error *error);
/* Puts memory back; when it fails, the program is neither then nor now. */
int rewind_apply(struct rewind *rewind, struct hwckpt_error *error);
/* Gives back what rewind_open() and the others took, also after a failure. */
void rewind_close(struct rewind *rewind);

#endif
