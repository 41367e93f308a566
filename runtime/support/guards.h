/* guards.h - pages that the program has made guards (MADV_GUARD_INSTALL, Linux
 * 6.13; libc's thread stacks from 2.42 on): they hold nothing and every access
 * faults, in the middle of a mapping that says nothing of it.
 *
 * Only the page tables tell (PAGE_IS_GUARD of PAGEMAP_SCAN). They are looked
 * for while the program runs, at a base, when areas came to be tracked, and
 * always where that takes little; what was found is looked at once more in the
 * stop. Invariant: no page is put down as a guard that is none in the
 * checkpoint. One that came since the look is found by the next checkpoint. */
#ifndef HWCKPT_SUPPORT_GUARDS_H
#define HWCKPT_SUPPORT_GUARDS_H

#include "../cache/cache.h"
#include "../error.h"
#include "dirty.h"
#include "stage.h"

#include <stdbool.h>
#include <stdint.h>

#define GUARD_INSTALL 102 /* MADV_GUARD_INSTALL */
#define GUARD_REMOVE 103

struct guards {
  struct guard {
    uint64_t start, end;
  } *list; /* private memory, ascending */
  size_t count;
  uint64_t read_ns;   /* how long the last look took */
  uint64_t newcomers; /* of dirty, at that */
};

int guards_open(struct guards *guards, struct hwckpt_error *error);
/* On the checkpoint thread, before the stop. */
void guards_read(struct guards *guards, const struct dirty *dirty, bool base);
/* In the stop: forgets those that are none any more. */
void guards_settle(struct guards *guards, const struct dirty *dirty);
/* As records. */
int guards_put(const struct guards *guards, struct stage *stage,
               struct hwckpt_error *error);

/* The next checkpoint looks. Thread safe and async-signal-safe. */
void __hwckpt_guards_changed(void);

/* For a rollback: no page is a guard any more; those of the generation are. */
void guards_lift(const struct dirty *dirty);
void guards_set(const struct cache_reader *reader);

#endif
