/* trap_actions.c - see trap_actions.h. */
#include "trap_actions.h"

#include "../arch/arch.h"
#include "../arch/sys.h"

#include <stdbool.h>

#define EXPORTED __attribute__((visibility("default")))

static struct wanted {
  int number;
  uint64_t handler; /* ours; 0: not installed */
  struct sigaction_raw action;
} wanted[] = {{.number = SIGTRAP}, {.number = SIGILL}, {.number = SIGSYS},
              {.number = SIGSEGV}, {.number = SIGBUS}, {.number = SIGFPE},
              {.number = SIGABRT}};
#define COUNT (sizeof wanted / sizeof *wanted)
#define TRAPS 3u /* the first, which code with sites runs into */

static uint64_t open_signals; /* are never blocked */

static struct wanted *find(int number) {
  for (unsigned i = 0; i < COUNT; i++)
    if (wanted[i].number == number)
      return &wanted[i];
  return 0;
}

void trap_actions_install(int number, signal_handler *handler) {
  struct wanted *one = find(number);
  struct sigaction_raw now;
  signal_get_action(number, &now);
  if (now.handler == (uint64_t)handler)
    return;
  one->action = now;
  one->handler = (uint64_t)handler;
  signal_set_handler(number, handler);
}

void trap_actions_keep_open(int number) {
  open_signals |= 1ull << (number - 1);
}

void trap_actions_expect_traps(void) {
  for (unsigned i = 0; i < TRAPS; i++)
    trap_actions_keep_open(wanted[i].number);
}

EXPORTED int __hwckpt_trap_action(int number,
                                  const struct sigaction_raw *action,
                                  struct sigaction_raw *before) {
  struct wanted *one = find(number);
  struct sigaction_raw now;
  if (!one || !one->handler)
    return 0;
  /* Replaced by other means: the kernel's is the truth. */
  signal_get_action(number, &now);
  if (now.handler != one->handler)
    return 0;
  struct sigaction_raw next = action ? *action : now;
  uint64_t mask = signal_actions_lock();
  now = one->action;
  if (action)
    one->action = next;
  signal_actions_unlock(mask);
  if (before)
    *before = now;
  return 1;
}

bool trap_actions_handled(int number) {
  return find(number)->action.handler > (uint64_t)SIG_IGN;
}

EXPORTED uint64_t __hwckpt_never_blocked(void) {
  uint64_t faults = open_signals;
  for (unsigned i = TRAPS; i < COUNT; i++)
    if (wanted[i].handler && wanted[i].number != SIGABRT)
      faults |= 1ull << (wanted[i].number - 1);
  return faults;
}

/* As the kernel takes it, and resets it where it was asked to. */
static struct sigaction_raw take(struct wanted *one) {
  uint64_t mask = signal_actions_lock();
  struct sigaction_raw action = one->action;
  if (action.flags & SA_RESETHAND)
    one->action.handler = (uint64_t)SIG_DFL;
  signal_actions_unlock(mask);
  return action;
}

static void act_by_default(int number) {
  struct sigaction_raw fallback = {0};
  uint64_t one = 1ull << (number - 1);
  SYS(rt_sigaction, number, &fallback, 0, 8);
  SYS(rt_sigprocmask, SIG_UNBLOCK, &one, 0, 8);
  SYS(tgkill, SYS(getpid), SYS(gettid), number);
}

void trap_actions_pass(int number, siginfo_t *info, void *context) {
  struct sigaction_raw action = take(find(number));
  if (action.handler == (uint64_t)SIG_IGN && info->si_code <= 0)
    return; /* sent by somebody: a trap of the code itself is not ignored */
  if (action.handler <= (uint64_t)SIG_IGN) {
    act_by_default(number);
    return;
  }
  /* The program's handler runs with what it asked to be blocked, but for what
   * may come for us. */
  uint64_t mask = arch_context_sigmask(context) | action.mask;
  if (!(action.flags & SA_NODEFER))
    mask |= 1ull << (number - 1);
  mask &= ~open_signals;
  uint64_t before = 0;
  SYS(rt_sigprocmask, SIG_SETMASK, &mask, &before, 8);
  ((signal_handler *)action.handler)(number, info, context);
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}
