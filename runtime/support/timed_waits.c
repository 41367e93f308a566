/* timed_waits.c - see timed_waits.h.
 *
 * Most calls do not tell how much of their time is left. An entry of waits[]
 * keeps when a wait ends; the argument of the call that is made again points
 * to the time that is left there, or, where it is a number, names the entry in
 * bits that the kernel ignores. So the argument itself says that the call is
 * known, whatever the thread is called after a restore. The table is part of
 * the program's image.
 *
 * Code that makes the call relies on the kernel to leave its arguments as they
 * were: it is made again from instructions of ours (arch_context_continue()),
 * which put them back. A thread that leaves a wait by longjmp out of a handler
 * has its next ones without that.
 */
#include "timed_waits.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "protect.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#define NANOSECONDS 1000000000ull
#define WAITS 4096u /* power of two */
#define PROBES 256u

static struct wait {
  struct arch_continued call;
  _Atomic int tid;  /* whose it is, 0: nobody's, -1: of a thread not seen yet */
  uint64_t end_ns;  /* CLOCK_MONOTONIC */
  uint64_t left_ns; /* then, when it was stopped last */
  struct timespec left;
} waits[WAITS];
static int waits_pid; /* process that the thread ids are of */

uint64_t timed_wait_now(void) {
  struct timespec now = {0};
  SYS(clock_gettime, CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static uint64_t nanoseconds(const struct timespec *time) {
  return (uint64_t)time->tv_sec < UINT64_MAX / NANOSECONDS - 1
             ? (uint64_t)time->tv_sec * NANOSECONDS + (uint64_t)time->tv_nsec
             : UINT64_MAX;
}

/* ---- entries ---- */

static bool claim(struct wait *wait, int before, int tid) {
  return atomic_compare_exchange_strong(&wait->tid, &before, tid);
}

/* The thread's entry for a new wait; null when all near it are taken by living
 * threads. */
static struct wait *wait_of(int pid, int tid) {
  struct wait *at[PROBES];
  for (unsigned i = 0; i < PROBES; i++) {
    at[i] = &waits[((unsigned)tid + i) & (WAITS - 1)];
    if (atomic_load(&at[i]->tid) == tid || claim(at[i], 0, tid))
      return at[i];
  }
  for (unsigned i = 0; i < PROBES; i++) {
    int other = atomic_load(&at[i]->tid);
    if (other > 0 && SYS(tgkill, pid, other, 0) == -ESRCH &&
        claim(at[i], other, tid)) {
      atomic_store(&at[i]->call.taken, 0);
      return at[i];
    }
  }
  return 0;
}

/* Before the first of the call's arguments is changed. One that is continued
 * already has what it needs. */
static void keep_arguments(struct wait *wait, long number,
                           ucontext_t *context) {
  uint32_t no = 0;
  if (arch_context_continued(context) ||
      !atomic_compare_exchange_strong(&wait->call.taken, &no, 1))
    return;
  wait->call.waits = 2;
  arch_context_continue(context, &wait->call, number);
}

static struct wait *new_wait(uint64_t begin_ns, uint64_t asked_ns) {
  int pid = (int)SYS(getpid);
  struct wait *wait = wait_of(pid, (int)SYS(gettid));
  if (!wait)
    return 0;
  waits_pid = pid;
  wait->end_ns =
      asked_ns < UINT64_MAX - begin_ns ? begin_ns + asked_ns : UINT64_MAX;
  return wait;
}

/* The entry that a pointer points into; null: it is none of ours. */
static struct wait *wait_at(uint64_t pointer) {
  uint64_t at = pointer - (uint64_t)&waits[0].left;
  return at < sizeof waits && at % sizeof *waits == 0
             ? &waits[at / sizeof *waits]
             : 0;
}

/* A time in milliseconds is an int: the upper half of the register says that it
 * is ours, and which. */
#define OUR_MARK 0x48570000u /* and the entry in the lower half */

static struct wait *wait_marked(uint64_t argument) {
  uint32_t mark = (uint32_t)(argument >> 32);
  return (mark & 0xffff0000u) == OUR_MARK ? &waits[mark & (WAITS - 1)] : 0;
}

static void write_left(struct wait *wait) {
  uint64_t now = timed_wait_now();
  wait->left_ns = wait->end_ns > now ? wait->end_ns - now : 0;
  wait->left.tv_sec = (time_t)(wait->left_ns / NANOSECONDS);
  wait->left.tv_nsec = (long)(wait->left_ns % NANOSECONDS);
}

/* ---- how calls are told their time ---- */

/* A timespec that the kernel does not write to: ours takes its place. */
static void shorten_span(ucontext_t *context, long number, unsigned time,
                         uint64_t begin_ns) {
  uint64_t argument = arch_context_argument(context, time);
  if (!argument)
    return;
  struct wait *wait = wait_at(argument);
  if (!wait)
    wait = new_wait(begin_ns, nanoseconds((const void *)argument));
  if (!wait)
    return;
  write_left(wait);
  keep_arguments(wait, number, context);
  arch_context_set_argument(context, time, (uint64_t)&wait->left);
}

static void refresh_span(ucontext_t *context, unsigned time) {
  struct wait *wait = wait_at(arch_context_argument(context, time));
  if (wait)
    write_left(wait);
}

/* The kernel tells what is left of a sleep where the caller gave room for it,
 * in the argument after the time. A clock of processor time does not go on
 * while the program stands still: only the kernel knows what is left. Without
 * room it told nobody the first time; from then on it has some of ours. */
static bool is_processor_time(long number, const ucontext_t *context) {
  int clock = (int)arch_context_argument(context, 0);
  return number == SYS_clock_nanosleep &&
         (clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID ||
          clock == CLOCK_THREAD_CPUTIME_ID);
}

static void shorten_processor_sleep(ucontext_t *context, long number) {
  uint64_t room = arch_context_argument(context, 3);
  struct wait *wait = wait_of((int)SYS(getpid), (int)SYS(gettid));
  if (wait)
    keep_arguments(wait, number, context);
  if (room)
    arch_context_set_argument(context, 2, room);
  else if (wait)
    arch_context_set_argument(context, 3, (uint64_t)&wait->left);
}

static void shorten_sleep(ucontext_t *context, long number, unsigned time,
                          uint64_t begin_ns) {
  uint64_t argument = arch_context_argument(context, time);
  uint64_t room = arch_context_argument(context, time + 1);
  if (!room || wait_at(argument)) {
    shorten_span(context, number, time, begin_ns);
    return;
  }
  struct wait *wait =
      new_wait(timed_wait_now(), nanoseconds((const void *)room));
  if (wait) {
    write_left(wait);
    keep_arguments(wait, number, context);
  }
  arch_context_set_argument(context, time, wait ? (uint64_t)&wait->left : room);
}

static void set_milliseconds(ucontext_t *context, unsigned time,
                             struct wait *wait) {
  write_left(wait);
  uint64_t left = (wait->left_ns + 999999u) / 1000000u;
  uint64_t mark = OUR_MARK | (uint64_t)(wait - waits);
  arch_context_set_argument(context, time, mark << 32 | (uint32_t)left);
}

static void shorten_milliseconds(ucontext_t *context, long number,
                                 unsigned time, uint64_t begin_ns) {
  uint64_t argument = arch_context_argument(context, time);
  struct wait *wait = wait_marked(argument);
  int asked = (int)argument;
  if (!wait && asked > 0)
    wait = new_wait(begin_ns, (uint64_t)asked * 1000000u);
  if (!wait)
    return;
  keep_arguments(wait, number, context);
  set_milliseconds(context, time, wait);
}

static void refresh_milliseconds(ucontext_t *context, unsigned time) {
  struct wait *wait = wait_marked(arch_context_argument(context, time));
  if (wait)
    set_milliseconds(context, time, wait);
}

/* The kernel writes what is left over the caller's time. That goes on while the
 * thread is stopped. */
static void keep_kernels(ucontext_t *context, unsigned time,
                         bool microseconds) {
  const uint64_t *left = (const void *)arch_context_argument(context, time);
  if (!left)
    return;
  struct timespec span = {(time_t)left[0],
                          (long)left[1] * (microseconds ? 1000 : 1)};
  new_wait(timed_wait_now(), nanoseconds(&span));
}

static void refresh_kernels(ucontext_t *context, unsigned time,
                            bool microseconds) {
  uint64_t argument = arch_context_argument(context, time);
  int pid = (int)SYS(getpid);
  struct wait *wait = argument ? wait_of(pid, (int)SYS(gettid)) : 0;
  if (!wait)
    return;
  write_left(wait);
  if (microseconds)
    wait->left.tv_nsec /= 1000;
  protect_open(argument, argument + sizeof wait->left);
  /* Memory that is not writable stays as it is. */
  struct iovec from = {&wait->left, sizeof wait->left};
  struct iovec to = {(void *)argument, sizeof wait->left};
  SYS(process_vm_writev, pid, &from, 1, &to, 1, 0);
}

enum kind { SLEEP, SPAN, MILLISECONDS, KERNELS_SPAN, KERNELS_MICROSECONDS };

static const struct timed_call {
  long number;
  enum kind kind;
  unsigned time; /* its argument */
} timed_calls[] = {
    {SYS_nanosleep, SLEEP, 0},
    {SYS_clock_nanosleep, SLEEP, 2},
    {SYS_poll, MILLISECONDS, 2},
    {SYS_epoll_wait, MILLISECONDS, 3},
    {SYS_epoll_pwait, MILLISECONDS, 3},
    {SYS_epoll_pwait2, SPAN, 3},
    {SYS_rt_sigtimedwait, SPAN, 2},
    {SYS_semtimedop, SPAN, 3},
    {SYS_futex, SPAN, 3},
    {SYS_io_getevents, SPAN, 4},
    {SYS_io_pgetevents, SPAN, 4},
    {SYS_ppoll, KERNELS_SPAN, 2},
    {SYS_pselect6, KERNELS_SPAN, 4},
    {SYS_select, KERNELS_MICROSECONDS, 4},
};

static const struct timed_call *find_call(long number) {
  for (unsigned i = 0; i < sizeof timed_calls / sizeof *timed_calls; i++)
    if (timed_calls[i].number == number)
      return &timed_calls[i];
  return 0;
}

static bool is_absolute(long number, uint64_t second) {
  if (number == SYS_clock_nanosleep)
    return (second & TIMER_ABSTIME) != 0;
  return number == SYS_futex && (second & FUTEX_CMD_MASK) != FUTEX_WAIT;
}

bool timed_wait_began_unseen(long number, const uint64_t arguments[6]) {
  const struct timed_call *call = find_call(number);
  if (!call || is_absolute(number, arguments[1]))
    return false;
  uint64_t time = arguments[call->time];
  switch (call->kind) {
  case SLEEP:
    return !arguments[call->time + 1] && !wait_at(time);
  case SPAN:
    return time && !wait_at(time);
  case MILLISECONDS:
    return (int)time > 0 && !wait_marked(time);
  default:
    return false;
  }
}

void timed_wait_shorten(long number, ucontext_t *context, uint64_t begin_ns) {
  const struct timed_call *call = find_call(number);
  if (!call || is_absolute(number, arch_context_argument(context, 1)))
    return;
  switch (call->kind) {
  case SLEEP:
    if (is_processor_time(number, context))
      shorten_processor_sleep(context, number);
    else
      shorten_sleep(context, number, call->time, begin_ns);
    break;
  case SPAN:
    shorten_span(context, number, call->time, begin_ns);
    break;
  case MILLISECONDS:
    shorten_milliseconds(context, number, call->time, begin_ns);
    break;
  default:
    keep_kernels(context, call->time, call->kind == KERNELS_MICROSECONDS);
  }
}

void timed_wait_refresh(long number, ucontext_t *context) {
  const struct timed_call *call = find_call(number);
  if (!call || is_absolute(number, arch_context_argument(context, 1)))
    return;
  switch (call->kind) {
  case SLEEP:
    if (!is_processor_time(number, context))
      refresh_span(context, call->time);
    break;
  case SPAN:
    refresh_span(context, call->time);
    break;
  case MILLISECONDS:
    refresh_milliseconds(context, call->time);
    break;
  default:
    refresh_kernels(context, call->time, call->kind == KERNELS_MICROSECONDS);
  }
}

void timed_wait_restored(void) {
  uint64_t now = timed_wait_now();
  bool same_ids = waits_pid == (int)SYS(getpid);
  for (unsigned i = 0; i < WAITS; i++) {
    struct wait *wait = &waits[i];
    if (!atomic_load(&wait->tid))
      continue;
    wait->end_ns = now + wait->left_ns;
    if (!same_ids)
      atomic_store(&wait->tid, -1);
  }
}
