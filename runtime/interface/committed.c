/* committed.c - see committed.h. */
#include "committed.h"

#include "../../intrinsics/hwckpt.h"
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/quiesce.h"
#include "events.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>

#define EXPORTED __attribute__((visibility("default")))

static LIVE struct {
  _Atomic uint64_t generation;
  _Atomic uint32_t turn; /* futex: changes with it */
} committed;

void committed_start(uint64_t generation) {
  atomic_store(&committed.generation, generation);
}

void committed_tell(uint64_t generation) {
  atomic_store(&committed.generation, generation);
  atomic_fetch_add(&committed.turn, 1);
  SYS(futex, &committed.turn, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

uint64_t committed_newest(void) { return atomic_load(&committed.generation); }

EXPORTED unsigned long long(hwckpt_generation)(void) {
  return events_here() ? committed_newest() : 0;
}

EXPORTED int(hwckpt_wait)(unsigned long long generation, int milliseconds) {
  uint64_t begin = quiesce_now_ns();
  uint64_t most = (uint64_t)(milliseconds < 0 ? 0 : milliseconds) * 1000000u;
  if (!events_serve())
    return -ENOSYS;
  for (;;) {
    uint32_t turn = atomic_load(&committed.turn);
    if (committed_newest() >= generation)
      return 0;
    uint64_t passed = quiesce_now_ns() - begin;
    if (milliseconds >= 0 && passed >= most)
      return -ETIMEDOUT;
    uint64_t left = milliseconds < 0 ? 0 : most - passed;
    struct timespec timeout = {(time_t)(left / 1000000000u),
                               (long)(left % 1000000000u)};
    SYS(futex, &committed.turn, FUTEX_WAIT_PRIVATE, turn,
        milliseconds < 0 ? 0 : &timeout, 0, 0);
  }
}
