/* let_go.c - see let_go.h. Nobody waits without end: a signal's handler may
 * come between any two steps of a call, and leave it by siglongjmp() or fork().
 */
#include "let_go.h"

#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "../support/quiesce.h"
#include "callbacks.h"
#include "checkpoint_thread.h"
#include "events.h"
#include "requests.h"
#include "sections.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <time.h>

#define WAIT_NS 1000000000ull

/* One call at a time. */
enum { IDLE, WAITS, SERVED_NOW, DONE };
static struct {
  _Atomic uint32_t busy;  /* futex, of the calling threads */
  _Atomic uint32_t state; /* futex */
  uint64_t begin, end;
  bool result;
} call;

static void set(_Atomic uint32_t *word, uint32_t value) {
  atomic_store(word, value);
  SYS(futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

/* false: it is too late. */
static bool wait_while(_Atomic uint32_t *word, uint32_t value,
                       uint64_t until_ns) {
  uint64_t now = quiesce_now_ns();
  if (now >= until_ns)
    return false;
  struct timespec left = {(time_t)((until_ns - now) / 1000000000u),
                          (long)((until_ns - now) % 1000000000u)};
  SYS(futex, word, FUTEX_WAIT_PRIVATE, value, &left, 0, 0);
  return true;
}

/* What is begun is waited for: it is done soon. */
static bool wait_for_result(uint64_t until_ns) {
  uint32_t state;
  while ((state = atomic_load(&call.state)) != DONE)
    if (!wait_while(&call.state, state, until_ns) && state == WAITS &&
        atomic_compare_exchange_strong(&call.state, &state, IDLE))
      return false;
  return call.result;
}

bool __hwckpt_let_go(uint64_t begin, uint64_t end) {
  uint64_t until = quiesce_now_ns() + WAIT_NS;
  if (!events_here() || !checkpoint_thread_is_there() || callbacks_own() ||
      sections_own())
    return false;
  while (atomic_exchange(&call.busy, 1))
    if (!wait_while(&call.busy, 1, until))
      return false;
  call.begin = begin;
  call.end = end;
  atomic_store(&call.state, WAITS);
  requests_wake(REQUEST_LET_GO);
  bool result = wait_for_result(until);
  set(&call.busy, 0);
  return result;
}

void let_go_begin_in_child(void) {
  atomic_store(&call.busy, 0);
  atomic_store(&call.state, DONE); /* for who was in it */
  call.result = false;
}

bool let_go_waits(void) { return atomic_load(&call.state) == WAITS; }

void let_go_serve(void) {
  uint32_t waits = WAITS;
  if (!atomic_compare_exchange_strong(&call.state, &waits, SERVED_NOW))
    return;
  call.result = checkpoint_let_go(call.begin, call.end);
  set(&call.state, DONE);
}
