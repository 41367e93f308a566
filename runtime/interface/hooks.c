/* hooks.c - see hooks.h.
 *
 * Breakpoints at sites, checkpoint instructions and the system calls that stand
 * for them end here. What is none of these is the program's (trap_actions.h).
 */
#include "hooks.h"

#include "../../intrinsics/hwckpt_isa.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "../support/live.h"
#include "../support/process_lock.h"
#include "../support/quiesce.h"
#include "events.h"
#include "faults.h"
#include "io.h"
#include "monitor.h"
#include "sites.h"
#include "trap_actions.h"
#include "watch_pages.h"
#include "watch_range.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

/* si_code of a call that a filter trapped (seccomp(2)). */
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

/* si_code of a trap that a perf event sent (perf_event_open(2)). */
#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif

#define LEFT_OVER_MS 100

static _Atomic uint64_t sites_reached; /* with every_site, rollback_every */
static LIVE _Atomic uint64_t rolled_back_at; /* the highest of sites_reached */
static LIVE _Atomic bool catches_syscalls;

/* Threads that step over a site that stays armed. A thread goes by its thread
 * pointer: it may be stopped and restored, with another id, before its step. */
#define STEPPING 64
static struct step {
  _Atomic uint64_t thread; /* 0: free */
  uint64_t address;
} stepping[STEPPING];

static struct step *find_step(void) {
  uint64_t thread, gs;
  arch_get_tls(&thread, &gs);
  for (unsigned i = 0; i < STEPPING; i++)
    if (atomic_load(&stepping[i].thread) == thread)
      return &stepping[i];
  return 0;
}

static struct step *claim_step(void) {
  uint64_t thread, gs;
  arch_get_tls(&thread, &gs);
  for (unsigned i = 0; i < STEPPING; i++) {
    uint64_t none = 0;
    if (atomic_compare_exchange_strong(&stepping[i].thread, &none, thread))
      return &stepping[i];
  }
  return 0;
}

static bool end_step(ucontext_t *context) {
  struct step *step = find_step();
  if (!step)
    return false;
  arch_context_set_step(context, false);
  sites_patch(step->address, true);
  atomic_store(&step->thread, 0);
  return true;
}

static void begin_step(ucontext_t *context, uint64_t address) {
  struct step *step = claim_step();
  sites_patch(address, false);
  if (!step)
    return;
  step->address = address;
  arch_context_set_step(context, true);
}

/* The sites were armed again before the step was taken. */
static bool retry_step(uint64_t address) {
  const struct step *step = find_step();
  if (!step || step->address != address)
    return false;
  sites_patch(address, false);
  return true;
}

/* Who arms the sites disarms them, or stops the threads. This one may have a
 * lower priority, and must not keep the lock from him meanwhile; only when
 * nothing comes for long, and it is not held here, they were left over. */
static void wait_at_site(ucontext_t *context) {
  sites_arrived();
  for (unsigned i = 0; !quiesce_park(PARK_SITE, context); i++) {
    if (!sites_are_armed())
      return;
    if (sites_are_held())
      i = 0;
    if (i == LEFT_OVER_MS)
      sites_disarm();
    sites_await_disarm(1000000);
  }
}

/* Every site is seen; what the options want at the next. A rollback takes the
 * count back, so it goes by the highest at which there was one. */
static void count_site(ucontext_t *context) {
  uint64_t save = events_every_site(), load = events_rollback_every();
  uint64_t count = atomic_fetch_add(&sites_reached, 1) + 1;
  if (load && count % load == 0) {
    uint64_t highest = atomic_load(&rolled_back_at);
    while (count > highest)
      if (atomic_compare_exchange_weak(&rolled_back_at, &highest, count)) {
        events_load(context); /* fails before the first checkpoint */
        break;
      }
  }
  if (save && count % save == 0)
    events_save_at_site(context);
}

static void at_site(ucontext_t *context, uint64_t address) {
  if (!events_every_site() && !events_rollback_every()) {
    wait_at_site(context);
    return;
  }
  if (retry_step(address))
    return;
  if (!quiesce_park(PARK_SITE, context))
    count_site(context);
  begin_step(context, address);
}

/* A trap at address, which may be the byte of a site; false: it is none. */
static bool reached(ucontext_t *context, uint64_t address) {
  if (!sites_contains(address))
    return false;
  if (events_here())
    at_site(context, address);
  else
    sites_repair_in_child(address);
  return true;
}

/* A poll that stands in no table, at which the thread has arrived by itself. It
 * changes no register. */
static void poll(ucontext_t *context) {
  if (!events_here())
    return;
  if (!events_every_site() && !events_rollback_every())
    wait_at_site(context);
  else if (!quiesce_park(PARK_SITE, context))
    count_site(context);
}

/* Performs the operation of a checkpoint instruction that has been passed. */
static void perform(ucontext_t *context, unsigned operation) {
  if (operation == HWCKPT_OP_POLL)
    poll(context);
  if (operation == HWCKPT_OP_POLL || operation == HWCKPT_OP_NONE)
    return;
  int result = -ENOSYS;
  if (operation == HWCKPT_OP_SAVE)
    result = events_save(context);
  else if (operation == HWCKPT_OP_LOAD)
    result = events_load(context);
  arch_context_set_result(context, result);
}

static void pass(ucontext_t *context, uint32_t immediate) {
  arch_context_set_pc(context, arch_context_pc(context) + HWCKPT_INSN_LENGTH);
  unsigned entry = HWCKPT_IMM_KIND(immediate);
  if (entry == IO_ENTRY_SEND || entry == WATCH_ENTRY_CALL) {
    arch_context_set_result(context,
                            events_save_by(context, entry == IO_ENTRY_SEND
                                                        ? io_ask_send
                                                        : watch_range_ask));
    return;
  }
  perform(context, HWCKPT_IMM_OP(immediate));
}

static void on_trap(int number, siginfo_t *info, void *argument) {
  ucontext_t *context = argument;
  uint64_t behind = arch_context_pc(context);
  uint64_t address = arch_breakpoint_address(context);
  if (info->si_code == TRAP_PERF && monitors_trap(info))
    return;
  /* int3 is the kernel's own; of the others, debug exceptions, some virtual
   * machines lose the bit that tells a step. */
  if (info->si_code != SI_KERNEL) {
    bool wrote = watch_pages_stepped(context);
    if (!end_step(context) && !wrote)
      trap_actions_pass(number, info, argument);
    return;
  }
  arch_context_set_pc(context, address);
  if (reached(context, address))
    return;
  arch_context_set_pc(context, behind);
  uint32_t immediate = arch_checkpoint_instruction(context, false);
  if (immediate)
    pass(context, immediate);
  else
    trap_actions_pass(number, info, argument);
}

/* An armed poll is at its first byte, and so it goes on there: by then it is a
 * NOP. */
static void on_illegal(int number, siginfo_t *info, void *argument) {
  ucontext_t *context = argument;
  uint32_t immediate = arch_checkpoint_instruction(context, true);
  if (!immediate && !arch_checkpoint_instruction(context, false)) {
    faults_signal(number, info, context);
    trap_actions_pass(number, info, argument);
    return;
  }
  bool is_poll = !immediate || HWCKPT_IMM_OP(immediate) == HWCKPT_OP_POLL;
  if (is_poll && reached(context, arch_context_pc(context) + 1))
    return;
  if (!immediate) {
    arch_context_set_pc(context, arch_context_pc(context) + HWCKPT_INSN_LENGTH);
    return;
  }
  if (HWCKPT_IMM_KIND(immediate) == HWCKPT_ENTRY_SYSCALL) {
    /* Caught, the call's own result was ENOSYS. */
    if (!catches_syscalls)
      hooks_catch_syscalls();
    arch_context_set_result(context, 0);
  }
  pass(context, immediate);
}

static void on_syscall(int number, siginfo_t *info, void *argument) {
  ucontext_t *context = argument;
  uint32_t operation = (uint32_t)info->si_syscall - HWCKPT_SYSCALL(0);
  if (info->si_code != SYS_SECCOMP || operation > HWCKPT_OP_NONE) {
    trap_actions_pass(number, info, argument);
    return;
  }
  arch_context_set_result(context, 0);
  perform(context, operation);
}

/* One filter, however many threads come here at once. */
bool hooks_catch_syscalls(void) {
  static LIVE _Atomic int lock;
  uint64_t mask = process_lock_blocking(&lock);
  if (!catches_syscalls) {
    trap_actions_install(SIGSYS, on_syscall);
    catches_syscalls = arch_catch_syscalls() == 0;
    if (catches_syscalls)
      checkpoint_own_filter();
  }
  process_unlock_blocking(&lock, mask);
  return catches_syscalls;
}

void hooks_restored(void) { catches_syscalls = false; }

/* The filter stays, whether there was one then or not. */
void hooks_rolled_back(void) {
  if (catches_syscalls)
    trap_actions_install(SIGSYS, on_syscall);
}

void hooks_install(void) {
  trap_actions_install(SIGTRAP, on_trap);
  trap_actions_install(SIGILL, on_illegal);
  if (checkpoint_began_filtered())
    trap_actions_install(SIGSYS, on_syscall);
}
