/* watch_calls.c - writes of the kernel to watched memory, for system calls of
 * the program: the processor's breakpoints do not tell of them.
 *
 * Before a call that is given watched memory to write to, what is there is
 * summed up; whether it has changed is looked at by the checkpoint thread,
 * again and again, and by the same thread before its next call. A call that a
 * stop interrupts is told again. Runs in the place of an instruction of libc,
 * which may be in a signal handler: no libc, no lock, general registers only.
 */
#include "watch_calls.h"
#include "../arch/sys.h"
#include "../support/call_outputs.h"
#include "../support/live.h"
#include "call_save.h"
#include "watch_pages.h"
#include "watch_range.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/uio.h>

struct watch_state watch_state;

void watch_range_fire(uint64_t slots, enum watch_seer seer) {
  if (atomic_load(&watch_state.pid) != (int)SYS(getpid))
    return; /* a child, whom nobody serves */
  atomic_fetch_or(&watch_state.fired[seer], slots);
  atomic_fetch_or(watch_state.word, watch_state.bit);
  SYS(futex, watch_state.word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* Calls that change what is mapped at their first argument, as long as the
 * second says. */
static bool maps(uint64_t number) {
  return number == SYS_mmap || number == SYS_munmap || number == SYS_mremap ||
         number == SYS_mprotect || number == SYS_pkey_mprotect;
}

bool watch_calls_want(uint32_t number) {
  return call_outputs_known(number) || maps(number);
}

/* ---- calls on their way ---- */

#define RECORDS 64
static struct record {
  _Atomic int tid; /* 0: free, -1: somebody has it */
  uint32_t slot;
  uint64_t number, begin, length; /* the call; what is looked at */
  uint64_t sum;
  uint32_t checkpoints; /* that had begun */
} records[RECORDS];
static _Atomic uint32_t used;  /* records, and more */
static _Atomic uint32_t fresh; /* one was made since the last look */

/* So much of a range is looked at; for that, this at a time. */
#define LOOKED_AT (64u << 10)
#define STEP 512u

/* FNV-1a over words. */
uint64_t watch_calls_sum(uint64_t begin, uint64_t length) {
  uint64_t words[STEP / 8], value = 14695981039346656037u;
  while (length) {
    uint64_t step = length < STEP ? length : STEP;
    struct iovec own = {words, step}, its = {(void *)begin, step};
    words[(step - 1) / 8] = 0;
    if (SYS(process_vm_readv, SYS(gettid), &own, 1, &its, 1, 0) != (long)step)
      break;
    for (uint64_t i = 0; i < (step + 7) / 8; i++) {
      value = (value ^ words[i]) * 1099511628211u;
      value ^= value >> 32;
    }
    begin += step;
    length -= step;
  }
  return value;
}

static bool claim(struct record *record, int tid) {
  return tid && atomic_compare_exchange_strong(&record->tid, &tid, -1);
}

static void drop(struct record *record) {
  atomic_store(&record->tid, 0);
  atomic_fetch_sub(&used, 1);
}

static bool has_changed(const struct record *record) {
  if (watch_calls_sum(record->begin, record->length) == record->sum)
    return false;
  watch_pages_seen(record->begin, record->begin + record->length);
  return true;
}

/* What the thread has called before is over, or is called again: that is what
 * *again gets. */
static void end_own(int tid, struct record *again) {
  again->number = ~0ull;
  if (!atomic_load(&used))
    return;
  for (struct record *r = records; r < records + RECORDS; r++) {
    if (atomic_load(&r->tid) != tid || !claim(r, tid))
      continue;
    if (has_changed(r))
      watch_range_fire(1ull << r->slot, SEEN_BY_CALL);
    again->number = r->number;
    again->begin = r->begin;
    again->checkpoints = r->checkpoints;
    drop(r);
  }
}

static _Atomic uint32_t checkpoints; /* that have begun */

/* Where there is no room for it the write counts before it is made. */
static void begin_own(int tid, uint64_t number, unsigned slot, uint64_t begin,
                      uint64_t length, uint32_t begun) {
  length = length < LOOKED_AT ? length : LOOKED_AT;
  for (struct record *r = records; r < records + RECORDS; r++) {
    int nobody = 0;
    if (!atomic_compare_exchange_strong(&r->tid, &nobody, -1))
      continue;
    r->slot = slot;
    r->number = number;
    r->begin = begin;
    r->length = length;
    r->sum = watch_calls_sum(begin, length);
    r->checkpoints = begun;
    atomic_fetch_add(&used, 1);
    atomic_store(&r->tid, tid);
    if (!atomic_exchange(&fresh, 1)) {
      atomic_fetch_or(watch_state.word, watch_state.bit);
      SYS(futex, watch_state.word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    }
    return;
  }
  watch_range_fire(1ull << slot, SEEN_BY_CALL);
}

/* ---- on the checkpoint thread ---- */

#define PACE_MIN_NS 1000000u
#define PACE_MAX_NS 128000000u
static LIVE uint64_t pace_ns;

uint64_t watch_calls_look(uint64_t now_ns) {
  bool changed = atomic_exchange(&fresh, 0) != 0;
  if (!atomic_load(&used))
    return UINT64_MAX;
  for (struct record *r = records; r < records + RECORDS; r++) {
    int tid = atomic_load(&r->tid);
    if (tid <= 0 || !claim(r, tid))
      continue;
    if (has_changed(r)) {
      watch_range_fire(1ull << r->slot, SEEN_BY_CALL);
      drop(r);
      changed = true;
    } else {
      atomic_store(&r->tid, tid);
    }
  }
  pace_ns = changed || !pace_ns     ? PACE_MIN_NS
            : pace_ns < PACE_MAX_NS ? 2 * pace_ns
                                    : pace_ns;
  return now_ns + pace_ns;
}

void watch_calls_known(uint64_t begin, uint64_t end) {
  if (!atomic_load(&used))
    return;
  for (struct record *r = records; r < records + RECORDS; r++)
    if (atomic_load(&r->tid) && r->begin < end && begin < r->begin + r->length)
      r->sum = watch_calls_sum(r->begin, r->length);
}

void watch_calls_begun(void) { atomic_fetch_add(&checkpoints, 1); }

void watch_calls_forget(void) {
  for (struct record *r = records; r < records + RECORDS; r++)
    atomic_store(&r->tid, 0);
  atomic_store(&used, 0);
}

/* ---- the call ---- */

struct told {
  const struct arch_call *call;
  struct record again;
  int tid; /* 0: not looked up yet */
};

static void look_up(struct told *told) {
  if (told->tid)
    return;
  told->tid = (int)SYS(gettid);
  end_own(told->tid, &told->again);
}

/* The call was told already, and a checkpoint has interrupted it. */
static bool is_again(const struct told *told, uint64_t begin) {
  return told->again.number == told->call->number &&
         told->again.begin == begin &&
         told->again.checkpoints != atomic_load(&checkpoints);
}

static void wait_for_checkpoint(unsigned slot) {
  if (!call_save_may_trap()) {
    watch_range_fire(1ull << slot, SEEN_BY_CALL);
    return;
  }
  atomic_store(&watch_state.last_waiting, slot);
  atomic_store(&watch_state.waiting_seer, SEEN_BY_CALL);
  atomic_fetch_or(&watch_state.waiting, 1ull << slot);
  CALL_SAVE(WATCH_ENTRY_CALL);
}

static void touch(struct told *told, unsigned slot, uint64_t begin,
                  uint64_t end) {
  const struct watch_range *range = &watch_state.ranges[slot];
  look_up(told);
  uint32_t begun = atomic_load(&checkpoints); /* told again after the wait */
  bool waits = range->asked & WATCH_BEFORE && !is_again(told, begin);
  if (waits && atomic_load(&watch_state.pid) == (int)SYS(getpid))
    wait_for_checkpoint(slot);
  begin_own(told->tid, told->call->number, slot, begin, end - begin, begun);
}

/* The call may write to [begin, end). */
static void written(uint64_t begin, uint64_t end, void *context) {
  watch_pages_written(begin, end);
  if (begin >= atomic_load(&watch_state.high) ||
      end <= atomic_load(&watch_state.low))
    return;
  for (unsigned i = 0; i < WATCH_SLOTS; i++) {
    const struct watch_range *range = &watch_state.ranges[i];
    uint64_t first = atomic_load(&range->address);
    uint64_t last = first + range->length;
    if (first && atomic_load(&range->how) != WATCH_BY_NOTHING && first < end &&
        begin < last)
      touch(context, i, first > begin ? first : begin, last < end ? last : end);
  }
}

void watch_calls_before(const struct arch_call *call) {
  if (!atomic_load(&watch_state.high) ||
      !watch_calls_want((uint32_t)call->number))
    return;
  struct told told;
  told.call = call;
  told.tid = 0;
  if (atomic_load(&used))
    look_up(&told);
  if (maps(call->number) && call->arguments[0])
    watch_pages_mapped(call->arguments[0],
                       call->arguments[0] + call->arguments[1]);
  call_outputs_each(call, written, &told);
}
