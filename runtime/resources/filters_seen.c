/* filters_seen.c - see filters_seen.h. On the program's threads, in its calls:
 * no lock, for who holds one may be stopped, or be left behind by fork().
 *
 * With SECCOMP_FILTER_FLAG_TSYNC a filter holds for all threads, the runtime's
 * too; a program of one thread sees no difference where it is left out, and so
 * it is: then the runtime may do what the program may not. */
#include "filters_seen.h"

#include "../arch/sys.h"
#include "filter_run.h"
#include "info.h"
#include "resource.h"

#include <linux/seccomp.h>
#include <stdatomic.h>
#include <string.h>

#define INSTRUCTIONS 32768u /* of all filters together */
#define ENTRIES 4096u
#define LONGEST 4096u /* BPF_MAXINSNS */

static struct {
  _Atomic uint32_t used;  /* instructions */
  _Atomic uint32_t count; /* filters */
  _Atomic uint32_t entries;
  _Atomic bool lost;
  _Atomic bool for_all; /* the runtime's threads too are under them */
  _Atomic int process;  /* who installed the first */
  _Atomic int strict;   /* the last thread in strict mode */
  struct filter_seen filters[FILTERS_MOST + 1];
  /* Who has which, the newest last. */
  struct {
    int tid;                 /* 0: all threads of then */
    _Atomic uint32_t number; /* 0: not yet */
  } have[ENTRIES];
  struct sock_filter instructions[INSTRUCTIONS];
} seen;

/* Filters that the program was started under do not count. */
static uint32_t own_depth(void) {
  struct info info;
  uint64_t depth = 0;
  if (info_open_path(&info, "/proc/thread-self/status") < 0)
    return 0;
  for (const char *line; (line = info_line(&info));)
    if (info_number(line, "Seccomp_filters:", 10, &depth))
      break;
  info_close(&info);
  uint32_t others = resources_other_filters();
  return depth > others ? (uint32_t)depth - others : 0;
}

uint32_t filters_seen_count(void) {
  uint32_t count = atomic_load(&seen.count);
  return count < FILTERS_MOST ? count : FILTERS_MOST;
}

const struct filter_seen *filters_seen(uint32_t number) {
  return number && number <= filters_seen_count() && seen.filters[number].depth
             ? &seen.filters[number]
             : 0;
}

bool filters_seen_lost(void) { return atomic_load(&seen.lost); }

static uint32_t entries(void) {
  uint32_t count = atomic_load(&seen.entries);
  return count < ENTRIES ? count : ENTRIES;
}

/* What the thread installed last, or all have got since. */
static uint32_t last_of(int tid) {
  for (uint32_t i = entries(); i-- > 0;) {
    uint32_t number = atomic_load(&seen.have[i].number);
    if (number && (!seen.have[i].tid || seen.have[i].tid == tid))
      return number;
  }
  return 0;
}

uint32_t filters_seen_wanted(int tid) { return last_of(tid); }

static bool same_program(const struct filter_seen *a,
                         const struct filter_seen *b) {
  return a->before == b->before && a->flags == b->flags &&
         a->length == b->length &&
         memcmp(a->program, b->program, a->length * sizeof *a->program) == 0;
}

/* The lowest number of an equal one. */
static uint32_t first_like(uint32_t number) {
  for (uint32_t i = 1; i < number; i++)
    if (seen.filters[i].depth &&
        same_program(&seen.filters[i], &seen.filters[number]))
      return i;
  return number;
}

uint32_t filters_seen_of(int tid, uint32_t depth) {
  uint32_t last = last_of(tid), found = 0;
  if (last && seen.filters[last].depth == depth)
    return last;
  /* It has that of who made it: that is known where there is only one. */
  for (uint32_t i = 1; i <= filters_seen_count(); i++) {
    if (seen.filters[i].depth != depth || first_like(i) != i)
      continue;
    if (found)
      return 0;
    found = i;
  }
  return found;
}

/* An ended thread's is forgotten. */
int filters_seen_strict(void) {
  int tid = atomic_load(&seen.strict);
  return tid && SYS(tgkill, SYS(getpid), tid, 0) == 0 ? tid : 0;
}

/* In a forked child the runtime's threads begin under the child's. */
bool filters_seen_hold_runtime(void) {
  return atomic_load(&seen.for_all) ||
         atomic_load(&seen.process) != (int)SYS(getpid);
}

/* ---- installing ---- */

static bool all_allow(enum filter_calls calls) {
  for (uint32_t i = 1; i <= filters_seen_count(); i++)
    if (filters_seen(i) && filter_forbids(i, calls))
      return false;
  return true;
}

/* What the calling thread stands on; false: not known. */
static bool find_own(int tid, uint32_t *number) {
  *number = last_of(tid);
  if (*number || !filters_seen_count())
    return true;
  if (!all_allow(CALLS_OF_STATUS))
    return false;
  uint32_t depth = own_depth();
  *number = depth ? filters_seen_of(tid, depth) : 0;
  return !depth || *number;
}

/* Room for one, 0: there is none. */
static uint32_t claim(uint32_t length) {
  if (length > LONGEST)
    return 0;
  uint32_t begin = atomic_fetch_add(&seen.used, length);
  if (begin + length > INSTRUCTIONS) {
    atomic_fetch_sub(&seen.used, length);
    return 0;
  }
  uint32_t number = atomic_fetch_add(&seen.count, 1) + 1;
  if (number > FILTERS_MOST) {
    atomic_fetch_sub(&seen.count, 1);
    return 0;
  }
  seen.filters[number].program = seen.instructions + begin;
  seen.filters[number].length = length;
  return number;
}

bool filters_seen_have(int tid, uint32_t number) {
  uint32_t entry = atomic_fetch_add(&seen.entries, 1);
  if (entry >= ENTRIES) {
    atomic_fetch_sub(&seen.entries, 1);
    return false;
  }
  seen.have[entry].tid = tid;
  atomic_store(&seen.have[entry].number, number);
  return true;
}

static bool succeeded(long result, unsigned flags) {
  return result == 0 ||
         (result > 0 && flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* A filter that is in force: its memory can be read, which was not certain
 * before. Makes no system call, for all may be forbidden. */
static bool keep(int tid, uint32_t before, unsigned flags,
                 const struct sock_fprog *program) {
  uint32_t number = claim(program->len);
  if (!number)
    return false;
  struct filter_seen *filter = &seen.filters[number];
  memcpy(seen.instructions + (filter->program - seen.instructions),
         program->filter, program->len * sizeof *program->filter);
  filter->before = before;
  filter->flags = flags & ~(unsigned)SECCOMP_FILTER_FLAG_TSYNC;
  filter->depth = before ? seen.filters[before].depth + 1 : 1;
  return filters_seen_have(flags & SECCOMP_FILTER_FLAG_TSYNC ? 0 : tid,
                           first_like(number));
}

static long install(unsigned flags, const struct sock_fprog *program,
                    const struct filters_runtime *runtime) {
  bool apart = runtime->begin();
  int tid = (int)SYS(gettid), process = (int)SYS(getpid);
  uint32_t before;
  bool known = find_own(tid, &before);
  if (flags & SECCOMP_FILTER_FLAG_TSYNC && all_allow(CALLS_OF_STATUS) &&
      runtime->is_alone())
    flags &= ~(unsigned)SECCOMP_FILTER_FLAG_TSYNC;
  bool for_all = flags & SECCOMP_FILTER_FLAG_TSYNC || !apart;
  if (for_all)
    runtime->begin_all();
  long result = SYS(seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
  if (!succeeded(result, flags))
    return result;
  if (for_all)
    atomic_store(&seen.for_all, true);
  if (!atomic_load(&seen.process))
    atomic_store(&seen.process, process);
  if (!known || !keep(tid, before, flags, program))
    atomic_store(&seen.lost, true);
  else if (!all_allow(CALLS_OF_UNDO))
    runtime->forbid_undo();
  if (!all_allow(CALLS_OF_ASKING))
    runtime->forbid_asking();
  return result;
}

long __hwckpt_seccomp(unsigned operation, unsigned flags, void *arguments,
                      const struct filters_runtime *runtime) {
  if (operation == SECCOMP_SET_MODE_FILTER && arguments)
    return install(flags, arguments, runtime);
  int tid = operation == SECCOMP_SET_MODE_STRICT ? (int)SYS(gettid) : 0;
  long result = SYS(seccomp, operation, flags, arguments);
  if (operation == SECCOMP_SET_MODE_STRICT && result == 0)
    atomic_store(&seen.strict, tid);
  return result;
}

/* ---- restored ---- */

void filters_seen_forget(void) {
  for (uint32_t i = 0; i < entries(); i++)
    atomic_store(&seen.have[i].number, 0);
  for (uint32_t i = 1; i <= filters_seen_count(); i++)
    seen.filters[i].depth = 0;
  atomic_store(&seen.used, 0);
  atomic_store(&seen.count, 0);
  atomic_store(&seen.entries, 0);
  atomic_store(&seen.lost, false);
  atomic_store(&seen.for_all, false);
  atomic_store(&seen.process, (int)SYS(getpid));
  atomic_store(&seen.strict, 0);
}

bool filters_seen_add(uint32_t number, uint32_t before, uint32_t flags,
                      const void *program, uint32_t length) {
  if (before >= number || (before && !filters_seen(before)) ||
      number != atomic_load(&seen.count) + 1 || claim(length) != number)
    return false;
  struct filter_seen *filter = &seen.filters[number];
  memcpy(seen.instructions + (filter->program - seen.instructions), program,
         length * sizeof *filter->program);
  filter->before = before;
  filter->flags = flags;
  filter->depth = before ? seen.filters[before].depth + 1 : 1;
  return true;
}
