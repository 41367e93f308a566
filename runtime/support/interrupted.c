/* interrupted.c - see interrupted.h. */
#include "interrupted.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "handlers.h"
#include "task.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PROBES 256u

struct interruption *interrupted_find(struct interruption *table, unsigned size,
                                      int tid) {
  struct interruption *oldest = 0;
  for (unsigned i = 0; i < PROBES; i++) {
    struct interruption *entry = &table[((unsigned)tid + i) & (size - 1)];
    if (entry->tid == tid)
      return entry;
    if (!oldest && (!entry->tid || task_is_dead(entry->tid)))
      oldest = entry;
    if (!entry->tid)
      break;
  }
  if (oldest) {
    memset(oldest, 0, sizeof *oldest);
    oldest->tid = tid;
    oldest->epoch = ~0u;
  }
  return oldest;
}

static const char *parse_number(const char *p, uint64_t *value) {
  uint64_t v = 0;
  unsigned base = 10;
  while (*p == ' ')
    p++;
  if (p[0] == '0' && p[1] == 'x')
    base = 16, p += 2;
  for (;; p++) {
    unsigned c = (unsigned char)*p;
    unsigned digit = c >= 'a' ? c - 'a' + 10 : c - '0';
    if (digit >= base)
      break;
    v = v * base + digit;
  }
  *value = v;
  return p;
}

/* "running", "-1 sp pc", or "number a0 a1 a2 a3 a4 a5 sp pc" (proc(5)). */
bool interrupted_look(int tid, struct interruption *seen) {
  char text[256];
  memset(seen, 0, sizeof *seen);
  seen->number = -1;
  if (task_read(tid, "syscall", text, sizeof text) <= 0)
    return true; /* not told: do not wait for a site */
  if (text[0] == 'r')
    return false;
  if (text[0] == '-')
    return true;
  uint64_t value;
  const char *p = parse_number(text, &value);
  seen->number = (long)value;
  for (int i = 0; i < 6; i++)
    p = parse_number(p, &value);
  p = parse_number(p, &seen->sp);
  parse_number(p, &seen->pc);
  return true;
}

/* Relative times of threads that were stopped while they waited. Part of the
 * checkpoint: the system call that a restored thread makes again points here.
 */
#define WAITS 256
static struct wait {
  int tid;
  long number;
  uint64_t pc;
  int64_t milliseconds; /* as put into the register */
  uint64_t since_ns;
  struct timespec left;
} waits[WAITS];

static struct wait *wait_of(int tid) {
  struct wait *free_wait = 0;
  for (unsigned i = 0; i < WAITS; i++) {
    if (waits[i].tid == tid)
      return &waits[i];
    if (!free_wait && !waits[i].tid)
      free_wait = &waits[i];
  }
  for (unsigned i = 0; !free_wait && i < WAITS; i++)
    if (task_is_dead(waits[i].tid))
      free_wait = &waits[i];
  if (free_wait) {
    memset(free_wait, 0, sizeof *free_wait);
    free_wait->tid = tid;
  }
  return free_wait;
}

/* The kernel tells what is left of a sleep where the caller gave room for it;
 * where not, ours is given from the first stop on. */
static void shorten_sleep(struct wait *wait, ucontext_t *context, unsigned time,
                          unsigned left) {
  uint64_t room = arch_context_argument(context, left);
  if (!room && wait) {
    const void *asked = (const void *)arch_context_argument(context, time);
    memcpy(&wait->left, asked, sizeof wait->left);
    room = (uint64_t)&wait->left;
    arch_context_set_argument(context, left, room);
  }
  if (room)
    arch_context_set_argument(context, time, room);
}

/* A wait in milliseconds begins anew with each call. Ours is known by the value
 * put in at the stop before, which is never the value the program asks for. */
static void shorten_wait(struct wait *wait, const struct interruption *seen,
                         ucontext_t *context, unsigned time) {
  int milliseconds = (int)arch_context_argument(context, time);
  if (!wait || milliseconds <= 0)
    return;
  struct timespec clock;
  SYS(clock_gettime, CLOCK_MONOTONIC, &clock);
  uint64_t now = (uint64_t)clock.tv_sec * 1000000000u + (uint64_t)clock.tv_nsec;
  uint64_t waited = 1;
  if (wait->number == seen->number && wait->pc == seen->pc &&
      wait->milliseconds == milliseconds)
    waited = (now - wait->since_ns) / 1000000u + 1;
  milliseconds =
      waited < (uint64_t)milliseconds ? milliseconds - (int)waited : 0;
  wait->number = seen->number;
  wait->pc = seen->pc;
  wait->milliseconds = milliseconds;
  wait->since_ns = now;
  arch_context_set_argument(context, time, (uint64_t)milliseconds);
}

static void keep_remaining_time(const struct interruption *seen,
                                ucontext_t *context) {
  struct wait *wait = seen->tid ? wait_of(seen->tid) : 0;
  switch (seen->number) {
  case SYS_nanosleep:
    shorten_sleep(wait, context, 0, 1);
    break;
  case SYS_clock_nanosleep:
    if (!(arch_context_argument(context, 1) & TIMER_ABSTIME))
      shorten_sleep(wait, context, 2, 3);
    break;
  case SYS_poll:
    shorten_wait(wait, seen, context, 2);
    break;
  case SYS_epoll_wait:
  case SYS_epoll_pwait:
    shorten_wait(wait, seen, context, 3);
    break;
  default:
    break;
  }
}

/* A thread that ran when it was looked at may have been in the kernel when the
 * signal came: then the code before tells the call. */
void interrupted_settle(const struct interruption *seen, ucontext_t *context) {
  if (arch_context_result(context) != -EINTR ||
      !arch_context_after_syscall(context))
    return;
  struct interruption call = *seen;
  if (call.number < 0 || arch_context_pc(context) != seen->pc ||
      arch_context_sp(context) != seen->sp)
    call.number = arch_context_syscall_number(context);
  if (call.number < 0)
    return;
  call.pc = arch_context_pc(context);
  keep_remaining_time(&call, context);
  arch_context_rewind_syscall(context, call.number);
}

/* Calls that a handled signal interrupts even with SA_RESTART (signal(7)). */
static bool never_restarts(long number) {
  switch (number) {
  case SYS_nanosleep:
  case SYS_clock_nanosleep:
  case SYS_poll:
  case SYS_ppoll:
  case SYS_select:
  case SYS_pselect6:
  case SYS_epoll_wait:
  case SYS_epoll_pwait:
  case SYS_pause:
  case SYS_rt_sigsuspend:
  case SYS_rt_sigtimedwait:
  case SYS_semop:
  case SYS_semtimedop:
  case SYS_msgrcv:
  case SYS_msgsnd:
    return true;
  default:
    return false;
  }
}

void interrupted_leave(ucontext_t *context) {
  uint64_t pending = 0;
  if (SYS(rt_sigpending, &pending, 8) < 0)
    return;
  pending &= ~arch_context_sigmask(context);
  if (!pending || !arch_context_at_syscall(context))
    return;
  long number = (long)arch_context_result(context);
  for (int signal = 1; signal <= 64; signal++) {
    if (!(pending >> (signal - 1) & 1))
      continue;
    struct sigaction_raw action;
    signal_get_action(signal, &action);
    if (action.handler <= 1) /* SIG_DFL, SIG_IGN */
      continue;
    if (never_restarts(number) || !(action.flags & SA_RESTART)) {
      arch_context_finish_syscall(context, -EINTR);
      return;
    }
  }
}
