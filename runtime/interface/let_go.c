/* let_go.c - see let_go.h. */
#include "let_go.h"

#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "callbacks.h"
#include "checkpoint_thread.h"
#include "events.h"
#include "requests.h"
#include "sections.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>

/* One call at a time. */
enum { IDLE, WAITS };
static struct {
  _Atomic uint32_t busy;  /* futex, of the calling threads */
  _Atomic uint32_t state; /* futex */
  uint64_t begin, end;
} call;

static void wait_while(_Atomic uint32_t *word, uint32_t value) {
  SYS(futex, word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}

static void set(_Atomic uint32_t *word, uint32_t value) {
  atomic_store(word, value);
  SYS(futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

bool __hwckpt_let_go(uint64_t begin, uint64_t end) {
  if (!events_here() || !checkpoint_thread_is_there() || callbacks_own() ||
      sections_own()) /* a checkpoint may wait for this thread */
    return false;
  while (atomic_exchange(&call.busy, 1))
    wait_while(&call.busy, 1);
  call.begin = begin;
  call.end = end;
  atomic_store(&call.state, WAITS);
  requests_wake(REQUEST_LET_GO);
  while (atomic_load(&call.state) == WAITS)
    wait_while(&call.state, WAITS);
  set(&call.busy, 0);
  return true;
}

void let_go_begin_in_child(void) {
  atomic_store(&call.busy, 0);
  atomic_store(&call.state, IDLE);
}

bool let_go_waits(void) { return atomic_load(&call.state) == WAITS; }

void let_go_serve(void) {
  if (!let_go_waits())
    return;
  checkpoint_let_go(call.begin, call.end);
  set(&call.state, IDLE);
}
