/* interrupted.c - see interrupted.h. */
#include "interrupted.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "handlers.h"
#include "task.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define PROBES 256u
#define NANOSECONDS 1000000000u

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
 * How long a thread waited before its first stop is not known: there a time
 * begins anew. */
#define WAITS 256
static struct wait {
  _Atomic int tid;
  uint64_t end_ns;  /* CLOCK_MONOTONIC; 0: none */
  uint64_t left_ns; /* then, when it was stopped last */
  struct timespec left;
} waits[WAITS];

static uint64_t now_ns(void) {
  struct timespec now;
  SYS(clock_gettime, CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static bool claim_wait(struct wait *wait, int before, int tid) {
  return atomic_compare_exchange_strong(&wait->tid, &before, tid);
}

/* The thread's entry; null when all are taken by living threads. */
static struct wait *wait_of(int tid) {
  for (unsigned i = 0; i < WAITS; i++)
    if (atomic_load(&waits[i].tid) == tid)
      return &waits[i];
  for (unsigned i = 0; i < WAITS; i++)
    if (claim_wait(&waits[i], 0, tid))
      return &waits[i];
  for (unsigned i = 0; i < WAITS; i++) {
    int other = atomic_load(&waits[i].tid);
    if (task_is_dead(other) && claim_wait(&waits[i], other, tid))
      return &waits[i];
  }
  return 0;
}

/* What is left: of the wait that is known, or of one that begins now. */
static uint64_t time_left(struct wait *wait, bool known, uint64_t asked_ns) {
  uint64_t now = now_ns();
  if (!known)
    wait->end_ns = asked_ns < UINT64_MAX - now ? now + asked_ns : UINT64_MAX;
  wait->left_ns = wait->end_ns > now ? wait->end_ns - now : 0;
  return wait->left_ns;
}

/* The kernel tells what is left of a sleep where the caller gave room for it,
 * in the argument after the time; where not, ours is given from the first stop
 * on. */
static void shorten_sleep(struct wait *wait, ucontext_t *context,
                          unsigned time) {
  uint64_t room = arch_context_argument(context, time + 1);
  if (!room) {
    const void *asked = (const void *)arch_context_argument(context, time);
    memcpy(&wait->left, asked, sizeof wait->left);
    room = (uint64_t)&wait->left;
    arch_context_set_argument(context, time + 1, room);
  }
  arch_context_set_argument(context, time, room);
}

/* A time that the kernel does not write to: ours takes its place, and is known
 * by that. */
static void shorten_span(struct wait *wait, ucontext_t *context,
                         unsigned time) {
  const struct timespec *asked =
      (const struct timespec *)arch_context_argument(context, time);
  if (!asked)
    return;
  uint64_t asked_ns =
      (uint64_t)asked->tv_sec < UINT64_MAX / NANOSECONDS - 1
          ? (uint64_t)asked->tv_sec * NANOSECONDS + (uint64_t)asked->tv_nsec
          : UINT64_MAX;
  uint64_t left = time_left(wait, asked == &wait->left, asked_ns);
  wait->left.tv_sec = (time_t)(left / NANOSECONDS);
  wait->left.tv_nsec = (long)(left % NANOSECONDS);
  arch_context_set_argument(context, time, (uint64_t)&wait->left);
}

/* A time in milliseconds is an int: the kernel ignores the upper half of the
 * register, which says that the value is ours. */
#define OUR_MILLISECONDS (0x48574b43ull << 32)
#define UPPER_HALF (0xffffffffull << 32)

static void shorten_milliseconds(struct wait *wait, ucontext_t *context,
                                 unsigned time) {
  uint64_t argument = arch_context_argument(context, time);
  int asked = (int)argument;
  if (asked <= 0)
    return;
  bool known = (argument & UPPER_HALF) == OUR_MILLISECONDS;
  uint64_t left = time_left(wait, known, (uint64_t)asked * 1000000u);
  left = (left + 999999u) / 1000000u;
  arch_context_set_argument(context, time, OUR_MILLISECONDS | left);
}

/* The calls whose time is relative and stays as it was when they are made
 * again. select and its like are not among them: the kernel shortens theirs. */
static const struct timed_call {
  long number;
  void (*shorten)(struct wait *wait, ucontext_t *context, unsigned time);
  unsigned time; /* its argument */
} timed_calls[] = {
    {SYS_nanosleep, shorten_sleep, 0},
    {SYS_clock_nanosleep, shorten_sleep, 2},
    {SYS_poll, shorten_milliseconds, 2},
    {SYS_epoll_wait, shorten_milliseconds, 3},
    {SYS_epoll_pwait, shorten_milliseconds, 3},
    {SYS_epoll_pwait2, shorten_span, 3},
    {SYS_rt_sigtimedwait, shorten_span, 2},
    {SYS_semtimedop, shorten_span, 3},
    {SYS_futex, shorten_span, 3},
    {SYS_io_getevents, shorten_span, 4},
};

static bool is_absolute(long number, const ucontext_t *context) {
  uint64_t second = arch_context_argument(context, 1);
  if (number == SYS_clock_nanosleep)
    return (second & TIMER_ABSTIME) != 0;
  return number == SYS_futex && (second & FUTEX_CMD_MASK) != FUTEX_WAIT;
}

static void keep_remaining_time(const struct interruption *seen,
                                ucontext_t *context) {
  for (unsigned i = 0; i < sizeof timed_calls / sizeof *timed_calls; i++) {
    const struct timed_call *call = &timed_calls[i];
    if (call->number != seen->number || is_absolute(seen->number, context))
      continue;
    struct wait *wait = wait_of(seen->tid);
    if (wait)
      call->shorten(wait, context, call->time);
    return;
  }
}

void interrupted_restored(void) {
  uint64_t now = now_ns();
  for (unsigned i = 0; i < WAITS; i++)
    waits[i].end_ns = now + waits[i].left_ns;
}

void interrupted_settle_own(ucontext_t *context) {
  const struct interruption unknown = {.tid = (int)SYS(gettid), .number = -1};
  interrupted_settle(&unknown, context);
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
