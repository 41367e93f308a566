/* unhandled.c - see unhandled.h. */
#include "unhandled.h"

#include "../arch/sys.h"
#include "handlers.h"
#include "ignored.h"
#include "live.h"
#include "park.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#define EXPORTED __attribute__((visibility("default")))
#define BIT(number) (1ull << ((number) - 1))
#define SIGNALS 31 /* those with a meaning of their own */

static const uint64_t ignored_by_default =
    BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH);

/* Of failures of the code itself; and those that nobody can handle. */
static const uint64_t never = BIT(SIGTRAP) | BIT(SIGILL) | BIT(SIGSYS) |
                              BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) |
                              BIT(SIGABRT) | BIT(SIGKILL) | BIT(SIGSTOP);

/* libc's system() ignores them for as long as its command runs, and sets what
 * there was by a call that nobody sees. */
static const uint64_t of_system = BIT(SIGINT) | BIT(SIGQUIT);

static LIVE struct {
  _Atomic bool looked;
  _Atomic uint64_t known, ignored;
} unhandled;

static bool is(int number, uint64_t set) { return set & BIT(number); }

static uint64_t handler_of(int number) {
  struct sigaction_raw action = {.handler = ~0ull};
  signal_get_action(number, &action);
  return action.handler;
}

void unhandled_look(void) {
  uint64_t known = 0, ignored = 0;
  for (int number = 1; number <= SIGNALS; number++) {
    uint64_t handler = is(number, never) ? ~0ull : handler_of(number);
    bool by_default = handler == (uint64_t)SIG_DFL;
    if (!by_default && (handler != (uint64_t)SIG_IGN || is(number, of_system)))
      continue;
    known |= BIT(number);
    if (!by_default || is(number, ignored_by_default))
      ignored |= BIT(number);
  }
  atomic_store(&unhandled.known, known);
  atomic_store(&unhandled.ignored, ignored);
  atomic_store(&unhandled.looked, true);
}

void unhandled_forget(void) { atomic_store(&unhandled.looked, false); }

uint64_t unhandled_known(void) {
  if (!atomic_load(&unhandled.looked))
    unhandled_look();
  return atomic_load(&unhandled.known);
}

uint64_t unhandled_of(uint64_t signals) {
  uint64_t left = signals;
  for (int number = 1; number <= SIGNALS; number++)
    if (is(number, signals) && handler_of(number) > (uint64_t)SIG_IGN)
      left &= ~BIT(number);
  return left;
}

uint64_t unhandled_ignored(void) {
  return unhandled_known() & atomic_load(&unhandled.ignored);
}

bool unhandled_still_ignored(void) {
  uint64_t ignored = atomic_load(&unhandled.ignored);
  return unhandled_of(ignored) == ignored;
}

/* In a child of vfork() the memory is the parent's, the handlers are not. A
 * thread that cannot be stopped does not wait for the end of a stop. */
EXPORTED int __hwckpt_handler_comes(int number, uint64_t *mask) {
  const struct timespec moment = {0, 100000};
  if (number < 1 || number > SIGNALS || !park_is_here())
    return 0;
  for (;;) {
    *mask = signal_actions_lock();
    if (park_block(BIT(number)) || *mask & BIT(STOP_SIGNAL))
      break;
    signal_actions_unlock(*mask);
    SYS(nanosleep, &moment, 0);
  }
  ignored_close(BIT(number));
  atomic_fetch_and(&unhandled.known, ~BIT(number));
  atomic_fetch_and(&unhandled.ignored, ~BIT(number));
  return 1;
}

EXPORTED void __hwckpt_handler_came(uint64_t mask) {
  signal_actions_unlock(mask);
}
