/* interrupted.c - see interrupted.h. */
#include "interrupted.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "continued_calls.h"
#include "handlers.h"
#include "live.h"
#include "private.h"
#include "task.h"
#include "timed_waits.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

/* ---- what threads did when they were looked at ---- */

#define THREADS 65536u
#define HEADS 4096u /* power of two */

/* Written by the checkpoint thread alone. Threads read what is said of
 * themselves: while the sequence is odd, or has changed, it is nothing. */
struct survey {
  _Atomic uint32_t sequence;
  uint32_t count;
  _Atomic uint32_t heads[HEADS]; /* lists by thread id: place in seen, + 1 */
  struct interruption seen[THREADS];
};
static LIVE struct survey *_Atomic surveyed; /* private memory */

bool interrupted_open(void) {
  struct survey *survey = atomic_load(&surveyed);
  if (!survey) {
    survey = private_map(sizeof *survey);
    atomic_store(&surveyed, survey);
  }
  return survey != 0;
}

void interrupted_survey(void) {
  struct survey *survey = atomic_load(&surveyed);
  atomic_fetch_or(&survey->sequence, 1);
  for (unsigned i = 0; i < HEADS; i++)
    atomic_store_explicit(&survey->heads[i], 0, memory_order_relaxed);
  survey->count = 0;
}

void interrupted_each(void (*visit)(struct interruption *seen, void *context),
                      void *context) {
  struct survey *survey = atomic_load(&surveyed);
  for (unsigned i = 0; i < survey->count; i++)
    visit(&survey->seen[i], context);
}

static struct interruption *find(struct survey *survey, int tid) {
  uint32_t at = atomic_load(&survey->heads[(unsigned)tid & (HEADS - 1)]);
  while (at && survey->seen[at - 1].tid != tid)
    at = survey->seen[at - 1].next;
  return at ? &survey->seen[at - 1] : 0;
}

/* On the thread itself: what was seen of it. */
static bool find_own(struct interruption *own, int tid) {
  struct survey *survey = atomic_load(&surveyed);
  uint32_t before = survey ? atomic_load(&survey->sequence) : 1;
  const struct interruption *seen = before & 1 ? 0 : find(survey, tid);
  if (!seen)
    return false;
  *own = *seen;
  return atomic_load(&survey->sequence) == before;
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
static void read_call(struct interruption *seen) {
  char text[256];
  seen->number = -1;
  seen->blocked = true; /* not told: do not wait for a site */
  if (task_read(seen->tid, "syscall", text, sizeof text) <= 0)
    return;
  seen->blocked = text[0] != 'r';
  if (text[0] == 'r' || text[0] == '-')
    return;
  uint64_t value;
  const char *p = parse_number(text, &value);
  seen->number = (long)value;
  for (int i = 0; i < 6; i++)
    p = parse_number(p, &seen->arguments[i]);
  p = parse_number(p, &seen->sp);
  parse_number(p, &seen->pc);
  /* Without CLONE_VFORK none of them blocks. */
  seen->forking = seen->number == SYS_vfork || seen->number == SYS_clone ||
                  seen->number == SYS_clone3;
}

struct interruption *interrupted_look(int tid) {
  struct survey *survey = atomic_load(&surveyed);
  struct interruption now = {.tid = tid}, *seen = find(survey, tid);
  read_call(&now);
  if (seen) { /* the rest may be read at this moment */
    seen->blocked = now.blocked;
    seen->forking = now.forking;
    return seen;
  }
  if (survey->count == THREADS)
    return 0;
  _Atomic uint32_t *head = &survey->heads[(unsigned)tid & (HEADS - 1)];
  now.next = atomic_load(head);
  seen = &survey->seen[survey->count++];
  *seen = now;
  atomic_store(head, survey->count);
  return seen;
}

/* ---- when a sleep began ---- */

#define PROCESSORS 1024u

/* The value of a line "name : value" with a fraction, in its last digit. */
static bool scheduler_value(const char *text, const char *name,
                            uint64_t *value) {
  size_t length = strlen(name);
  for (const char *line = text; *line; line++) {
    if ((line != text && line[-1] != '\n') || memcmp(line, name, length) != 0)
      continue;
    const char *p = line + length;
    while (*p == ' ' || *p == ':')
      p++;
    *value = 0;
    for (; (*p >= '0' && *p <= '9') || *p == '.'; p++)
      if (*p != '.')
        *value = *value * 10 + (uint64_t)(*p - '0');
    return true;
  }
  return false;
}

/* When the thread ran last, on two clocks of its processor, and how often it
 * went to sleep: the kernel's own accounts (/proc/TID/sched). */
static bool read_scheduler(int tid, struct processor_time *time,
                           uint64_t *switches) {
  char text[4096];
  return task_read(tid, "sched", text, sizeof text) > 0 &&
         scheduler_value(text, "se.exec_start", &time->execution) &&
         scheduler_value(text, "se.avg.last_update_time", &time->load) &&
         scheduler_value(text, "nr_voluntary_switches", switches);
}

/* The clocks of a processor are those of a thread that runs there: 0 where none
 * can. */
static struct processor_time processor_clock(int processor) {
  uint64_t mask[PROCESSORS / 64] = {0}, switches;
  struct processor_time clock = {0, 0};
  mask[processor / 64] = 1ull << (processor % 64);
  if (SYS(sched_setaffinity, 0, sizeof mask, mask) == 0) {
    SYS(sched_yield);
    read_scheduler((int)SYS(gettid), &clock, &switches);
  }
  return clock;
}

static uint64_t passed(uint64_t from, uint64_t to) {
  return from && to > from ? to - from : 0;
}

/* The shorter time of both counts. The first clock misleads where a thread was
 * moved to another processor in its sleep; the second where the processor has
 * caught up with time that it ran slowly. They stand still during stolen time.
 * CLOCK_MONOTONIC may be slewed by 500 ppm against both. */
static void set_begin(struct interruption *seen, struct processor_time clock,
                      uint64_t now) {
  uint64_t slept = passed(seen->ran.execution, clock.execution);
  uint64_t load = passed(seen->ran.load, clock.load);
  slept = slept < load ? slept : load;
  if (slept)
    seen->since_ns = now - (slept - slept / 1024);
}

static void read_sleep(struct interruption *seen) {
  seen->processor = -1;
  if (seen->blocked && seen->number >= 0 &&
      (timed_wait_began_unseen(seen->number, seen->arguments) ||
       continued_wait_began_unseen(seen->number)) &&
      read_scheduler(seen->tid, &seen->ran, &seen->switches))
    seen->processor = task_processor(seen->tid);
  if (seen->processor >= (int)PROCESSORS)
    seen->processor = -1;
}

/* Each processor's clock is read once, for all that sleep there. */
static void find_begins(struct survey *survey) {
  uint64_t before[PROCESSORS / 64] = {0};
  bool moved = false;
  if (SYS(sched_getaffinity, 0, sizeof before, before) < 0)
    return;
  for (uint32_t i = 0; i < survey->count; i++)
    read_sleep(&survey->seen[i]);
  for (uint32_t i = 0; i < survey->count; i++) {
    int processor = survey->seen[i].processor;
    if (processor < 0)
      continue;
    moved = true;
    struct processor_time clock = processor_clock(processor);
    uint64_t now = timed_wait_now();
    for (uint32_t j = i; j < survey->count; j++)
      if (survey->seen[j].processor == processor) {
        set_begin(&survey->seen[j], clock, now);
        survey->seen[j].processor = -1;
      }
  }
  if (moved)
    SYS(sched_setaffinity, 0, sizeof before, before);
}

void interrupted_surveyed(void) {
  struct survey *survey = atomic_load(&surveyed);
  find_begins(survey);
  atomic_fetch_add(&survey->sequence, 1);
}

/* ---- on the interrupted thread ---- */

/* A call that ends with EINTR has done its work all the same: made again, it
 * would close another's descriptor (close(2)). */
static bool is_done(long number) {
  return number == SYS_close || number == SYS_dup2 || number == SYS_dup3;
}

/* Whether this is the very sleep that was seen: the thread has not gone to
 * sleep since. */
static bool still_sleeps(const struct interruption *own) {
  struct rusage usage;
  return own->since_ns && SYS(getrusage, RUSAGE_THREAD, &usage) == 0 &&
         (uint64_t)usage.ru_nvcsw == own->switches;
}

/* The kernel has put the call back: that looks like one about to be made, but
 * the thread was seen in it, or has done nothing since it was. */
static bool restarts(const ucontext_t *context, int tid) {
  struct interruption own;
  if (arch_context_was_in_syscall(context))
    return true;
  return arch_context_at_syscall(context) && find_own(&own, tid) &&
         own.blocked && own.sp == arch_context_sp(context) &&
         own.pc == arch_context_pc(context) + ARCH_SYSCALL_LENGTH &&
         own.number == (long)arch_context_result(context);
}

/* The number of the call just returned from. A thread that ran when it was
 * looked at may have been in the kernel when the signal came: then the code
 * before tells it. */
static long number_of(const ucontext_t *context,
                      const struct interruption *own) {
  long number = continued_number(context);
  if (number < 0 && own)
    number = own->number;
  return number < 0 ? arch_context_syscall_number(context) : number;
}

static enum interrupted settle(ucontext_t *context,
                               const struct interruption *own) {
  long number = number_of(context, own);
  if (number < 0)
    return INTERRUPTED_NOTHING;
  if (arch_context_result(context) >= 0)
    return continued_transfer(number, context) ? INTERRUPTED_PUT_BACK
                                               : INTERRUPTED_NOTHING;
  if (is_done(number)) {
    arch_context_set_result(context, 0);
    return INTERRUPTED_NOTHING;
  }
  uint64_t begin = own && still_sleeps(own) ? own->since_ns : timed_wait_now();
  if (continued_wait(number, context, begin))
    number = SYS_ppoll;
  timed_wait_shorten(number, context, begin);
  arch_context_rewind_syscall(context, number);
  return INTERRUPTED_PUT_BACK;
}

enum interrupted interrupted_settle(ucontext_t *context, int tid) {
  struct interruption own;
  int64_t result = arch_context_result(context);
  if ((result != -EINTR && result <= 0) || !arch_context_after_syscall(context))
    return restarts(context, tid) ? INTERRUPTED_RESTARTS : INTERRUPTED_NOTHING;
  bool seen = find_own(&own, tid) && own.pc == arch_context_pc(context) &&
              own.sp == arch_context_sp(context);
  return settle(context, seen ? &own : 0);
}

void interrupted_forget(void) {
  atomic_store(&surveyed, 0);
  timed_wait_restored();
}

/* Calls that a handled signal interrupts even with SA_RESTART (signal(7), and
 * where the kernel would go on by restart_syscall(2)). */
static bool never_restarts(long number, const ucontext_t *context) {
  switch (number) {
  case SYS_futex: {
    unsigned command =
        (unsigned)arch_context_argument(context, 1) & FUTEX_CMD_MASK;
    return arch_context_argument(context, 3) &&
           (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET);
  }
  case SYS_nanosleep:
  case SYS_clock_nanosleep:
  case SYS_poll:
  case SYS_ppoll:
  case SYS_select:
  case SYS_pselect6:
  case SYS_epoll_wait:
  case SYS_epoll_pwait:
  case SYS_epoll_pwait2:
  case SYS_io_getevents:
  case SYS_io_pgetevents:
  case SYS_io_uring_enter:
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

void interrupted_leave(enum interrupted how, ucontext_t *context) {
  if (how == INTERRUPTED_NOTHING)
    return;
  uint64_t pending = 0;
  SYS(rt_sigpending, &pending, 8);
  /* Another of ours finds the call where this leaves it. */
  pending &= ~(arch_context_sigmask(context) | 1ull << (STOP_SIGNAL - 1));
  long number = (long)arch_context_result(context);
  for (int signal = 1; signal <= 64; signal++) {
    if (!(pending >> (signal - 1) & 1))
      continue;
    struct sigaction_raw action;
    signal_get_action(signal, &action);
    if (action.handler <= 1) /* SIG_DFL, SIG_IGN */
      continue;
    if (never_restarts(number, context) || !(action.flags & SA_RESTART) ||
        arch_context_continues(context)) {
      arch_context_finish_syscall(context, -EINTR);
      return;
    }
  }
  if (how == INTERRUPTED_PUT_BACK)
    timed_wait_refresh(number, context);
}
