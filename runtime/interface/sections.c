/* sections.c - see sections.h. */
#include "sections.h"

#include "../../intrinsics/hwckpt.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/partners.h"
#include "../support/quiesce.h"
#include "events.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>

#define EXPORTED __attribute__((visibility("default")))

/* A thread that holds what another needs to end its section may wait at the
 * gate: it is not kept there for longer. */
#define CLOSE_NS 100000000ull

/* Threads that have sections open go by their thread pointers, which a restore
 * does not change. */
#define OWNERS 256
static struct owner {
  _Atomic uint64_t thread; /* 0: free */
  uint32_t nested;         /* in the first; 0 of one that is free, so that a
                            * signal's handler may come between any two steps */
} owners[OWNERS];

/* Threads that have one open (futex). */
static _Atomic uint32_t open_count;
static _Atomic uint32_t used;
static LIVE struct {
  _Atomic uint32_t closed; /* futex */
  _Atomic uint32_t wanted; /* by a checkpoint: the last end is to be told */
  uint64_t try_ns;         /* to close it again */
} gate;

static struct owner *find(uint64_t thread) {
  for (unsigned i = 0; i < OWNERS; i++)
    if (atomic_load(&owners[i].thread) == thread)
      return &owners[i];
  return 0;
}

static struct owner *claim(uint64_t thread) {
  for (unsigned i = 0; i < OWNERS; i++) {
    uint64_t none = 0;
    if (atomic_compare_exchange_strong(&owners[i].thread, &none, thread))
      return &owners[i];
  }
  return 0;
}

static uint64_t own_pointer(void) {
  uint64_t fs, gs;
  arch_get_tls(&fs, &gs);
  return fs;
}

static struct owner *own(void) {
  return atomic_load(&open_count) ? find(own_pointer()) : 0;
}

bool sections_own(void) { return own() != 0; }

static void leave(void) {
  if (atomic_fetch_sub(&open_count, 1) != 1)
    return;
  SYS(futex, &open_count, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
  if (atomic_exchange(&gate.wanted, 0))
    events_look_again();
}

static void end(struct owner *owner) {
  atomic_store(&owner->thread, 0);
  leave();
}

static void enter(void) {
  atomic_store(&used, 1);
  for (;;) {
    while (atomic_load(&gate.closed))
      SYS(futex, &gate.closed, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0);
    atomic_fetch_add(&open_count, 1);
    if (!atomic_load(&gate.closed))
      return;
    leave();
  }
}

EXPORTED int(hwckpt_disable)(void) {
  if (!events_serve())
    return -ENOSYS;
  struct owner *owner = own();
  if (owner) {
    owner->nested++;
    return 0;
  }
  enter();
  if (claim(own_pointer()))
    return 0;
  leave();
  return -EAGAIN;
}

EXPORTED int(hwckpt_enable)(void) {
  if (!events_serve())
    return -ENOSYS;
  struct owner *owner = own();
  if (!owner)
    return -EPERM;
  if (owner->nested)
    owner->nested--;
  else
    end(owner);
  return 0;
}

void sections_end_own(void) {
  struct owner *owner = own();
  if (!owner)
    return;
  owner->nested = 0;
  end(owner);
}

bool sections_used(void) { return atomic_load(&used) != 0; }

void sections_await_end(uint64_t nanoseconds) {
  uint64_t begin = quiesce_now_ns(), passed = 0;
  uint32_t count;
  while ((count = atomic_load(&open_count)) && passed < nanoseconds) {
    struct timespec left = {(time_t)((nanoseconds - passed) / 1000000000u),
                            (long)((nanoseconds - passed) % 1000000000u)};
    SYS(futex, &open_count, FUTEX_WAIT_PRIVATE, count, &left, 0, 0);
    passed = quiesce_now_ns() - begin;
  }
}

bool sections_close(void) {
  atomic_store(&gate.closed, 1);
  sections_await_end(CLOSE_NS);
  if (!atomic_load(&open_count))
    return true;
  sections_let_in();
  return false;
}

int sections_refuse(uint64_t nanoseconds, struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_SECTION_OPEN, 0, "hwckpt_disable()",
                     "for %llu ms", (unsigned long long)nanoseconds / 1000000u);
}

/* Between tries, and in all: then who asked waits until none is open. */
#define TRY_NS 1000000000ull

bool sections_hold(uint64_t now_ns, uint64_t *again_ns) {
  atomic_store(&gate.wanted, 1);
  if (atomic_load(&open_count) && now_ns >= gate.try_ns) {
    if (sections_close())
      sections_let_in();
    else
      gate.try_ns = now_ns + TRY_NS;
  }
  *again_ns = gate.try_ns;
  if (atomic_load(&open_count) && now_ns < gate.try_ns)
    return true;
  atomic_store(&gate.wanted, 0);
  return false;
}

#define SETTLE_NS 10000000000ull

static LIVE uint64_t settle_since;

void sections_settle_begin(void) { settle_since = 0; }

int sections_settle(struct hwckpt_error *error) {
  if (sections_close())
    return 0;
  uint64_t now = quiesce_now_ns();
  if (!settle_since)
    settle_since = now;
  /* Perhaps it ends when it is rolled back. */
  if (quiesce_load_waits() || now - settle_since > SETTLE_NS)
    return sections_refuse(now - settle_since, error);
  sections_await_end(TRY_NS);
  return PARTNERS_LET_GO;
}

void sections_let_in(void) {
  atomic_store(&gate.closed, 0);
  SYS(futex, &gate.closed, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

void sections_begin_in_child(void) {
  uint64_t thread = own_pointer();
  for (unsigned i = 0; i < OWNERS; i++)
    if (atomic_load(&owners[i].thread) != thread)
      atomic_store(&owners[i].thread, 0);
  atomic_store(&open_count, find(thread) ? 1 : 0);
  sections_forget();
}

void sections_forget(void) {
  atomic_store(&gate.closed, 0);
  atomic_store(&gate.wanted, 0);
  gate.try_ns = 0;
}
