/* ignored.c - see ignored.h. */
#include "ignored.h"

#include "../arch/sys.h"
#include "live.h"
#include "quiesce.h"

#include <stdatomic.h>
#include <string.h>

#define CLOSE_NS 1000000000ull

static _Atomic uint64_t open_now;

/* Threads that began before signals were closed last are counted in one place,
 * those that began since in the other. */
static LIVE struct {
  _Atomic uint32_t turn, inside[2];
} ignored;

uint64_t ignored_begin(uint32_t *turn) {
  *turn = atomic_load(&ignored.turn) & 1;
  atomic_fetch_add(&ignored.inside[*turn], 1);
  return atomic_load(&open_now); /* after it is counted */
}

void ignored_end(uint32_t turn) { atomic_fetch_sub(&ignored.inside[turn], 1); }

void ignored_set(uint64_t signals) { atomic_store(&open_now, signals); }

void ignored_close(uint64_t signals) {
  uint64_t open = atomic_load(&open_now), begin = quiesce_now_ns();
  if (!(open & signals))
    return;
  ignored_set(open & ~signals);
  uint32_t before = atomic_fetch_add(&ignored.turn, 1) & 1;
  while (atomic_load(&ignored.inside[before]) &&
         quiesce_now_ns() - begin < CLOSE_NS)
    SYS(sched_yield);
}

void ignored_forget(void) { memset(&ignored, 0, sizeof ignored); }
