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
#include "../support/calls.h"
#include "../support/live.h"
#include "call_save.h"
#include "watch_pages.h"
#include "watch_range.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/uio.h>

struct watch_state watch_state;

void watch_range_fire(unsigned slot, enum watch_seer seer) {
  if (atomic_load(&watch_state.pid) != (int)SYS(getpid))
    return; /* a child, whom nobody serves */
  atomic_fetch_or(&watch_state.fired[seer], 1ull << slot);
  atomic_fetch_or(watch_state.word, watch_state.bit);
  SYS(futex, watch_state.word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* ---- where calls write to ---- */

enum kind {
  OUT_NONE,
  OUT_BUFFER, /* as long as another argument says */
  OUT_FIXED,  /* of that many bytes at most */
  OUT_ARRAY,  /* of so many elements as another argument says */
  OUT_VECTOR, /* struct iovec, as many as another argument says */
  OUT_MESSAGE,
  OUT_MAPPING,  /* changes what is mapped, as long as another argument says */
  OUT_MESSAGES, /* as many as another argument says */
};

struct output {
  unsigned char kind, pointer, count; /* arguments */
  unsigned short size;                /* bytes */
};

#define BUFFER(pointer, count) {OUT_BUFFER, pointer, count, 1}
#define FIXED(pointer, size) {OUT_FIXED, pointer, 0, size}
#define ARRAY(pointer, count, size) {OUT_ARRAY, pointer, count, size}
#define VECTOR(pointer, count) {OUT_VECTOR, pointer, count, 0}
#define MESSAGE(pointer) {OUT_MESSAGE, pointer, 0, 0}
#define MESSAGES(pointer, count) {OUT_MESSAGES, pointer, count, 0}

#define MAPPING(pointer, count) {OUT_MAPPING, pointer, count, 0}

#define NAME 128 /* of a socket */

/* Of ioctl() and its like what most of them write. */
#define CALLS(X)                                                               \
  X(read, BUFFER(1, 2))                                                        \
  X(pread64, BUFFER(1, 2))                                                     \
  X(readv, VECTOR(1, 2))                                                       \
  X(preadv, VECTOR(1, 2))                                                      \
  X(preadv2, VECTOR(1, 2))                                                     \
  X(process_vm_readv, VECTOR(1, 2))                                            \
  X(recvfrom, BUFFER(1, 2), FIXED(4, NAME), FIXED(5, 4))                       \
  X(recvmsg, MESSAGE(1))                                                       \
  X(recvmmsg, MESSAGES(1, 2))                                                  \
  X(accept, FIXED(1, NAME), FIXED(2, 4))                                       \
  X(accept4, FIXED(1, NAME), FIXED(2, 4))                                      \
  X(getsockname, FIXED(1, NAME), FIXED(2, 4))                                  \
  X(getpeername, FIXED(1, NAME), FIXED(2, 4))                                  \
  X(getsockopt, FIXED(3, 256), FIXED(4, 4))                                    \
  X(socketpair, FIXED(3, 8))                                                   \
  X(pipe, FIXED(0, 8))                                                         \
  X(pipe2, FIXED(0, 8))                                                        \
  X(getrandom, BUFFER(0, 1))                                                   \
  X(getdents64, BUFFER(1, 2))                                                  \
  X(getcwd, BUFFER(0, 1))                                                      \
  X(readlink, BUFFER(1, 2))                                                    \
  X(readlinkat, BUFFER(2, 3))                                                  \
  X(getxattr, BUFFER(2, 3))                                                    \
  X(lgetxattr, BUFFER(2, 3))                                                   \
  X(fgetxattr, BUFFER(2, 3))                                                   \
  X(listxattr, BUFFER(1, 2))                                                   \
  X(llistxattr, BUFFER(1, 2))                                                  \
  X(flistxattr, BUFFER(1, 2))                                                  \
  X(stat, FIXED(1, 144))                                                       \
  X(lstat, FIXED(1, 144))                                                      \
  X(fstat, FIXED(1, 144))                                                      \
  X(newfstatat, FIXED(2, 144))                                                 \
  X(statx, FIXED(4, 256))                                                      \
  X(statfs, FIXED(1, 120))                                                     \
  X(fstatfs, FIXED(1, 120))                                                    \
  X(ioctl, FIXED(2, 256))                                                      \
  X(prctl, FIXED(1, 64))                                                       \
  X(sendfile, FIXED(2, 8))                                                     \
  X(splice, FIXED(1, 8), FIXED(3, 8))                                          \
  X(copy_file_range, FIXED(1, 8), FIXED(3, 8))                                 \
  X(poll, ARRAY(0, 1, 8))                                                      \
  X(ppoll, ARRAY(0, 1, 8), FIXED(2, 16))                                       \
  X(select, FIXED(1, 128), FIXED(2, 128), FIXED(3, 128))                       \
  X(pselect6, FIXED(1, 128), FIXED(2, 128), FIXED(3, 128))                     \
  X(epoll_wait, ARRAY(1, 2, 12))                                               \
  X(epoll_pwait, ARRAY(1, 2, 12))                                              \
  X(io_getevents, ARRAY(3, 2, 32))                                             \
  X(wait4, FIXED(1, 4), FIXED(3, 144))                                         \
  X(waitid, FIXED(2, 128), FIXED(4, 144))                                      \
  X(getrusage, FIXED(1, 144))                                                  \
  X(times, FIXED(0, 32))                                                       \
  X(uname, FIXED(0, 390))                                                      \
  X(sysinfo, FIXED(0, 112))                                                    \
  X(getrlimit, FIXED(1, 16))                                                   \
  X(prlimit64, FIXED(3, 16))                                                   \
  X(getgroups, ARRAY(1, 0, 4))                                                 \
  X(getresuid, FIXED(0, 4), FIXED(1, 4), FIXED(2, 4))                          \
  X(getresgid, FIXED(0, 4), FIXED(1, 4), FIXED(2, 4))                          \
  X(clock_gettime, FIXED(1, 16))                                               \
  X(clock_getres, FIXED(1, 16))                                                \
  X(gettimeofday, FIXED(0, 16), FIXED(1, 8))                                   \
  X(time, FIXED(0, 8))                                                         \
  X(nanosleep, FIXED(1, 16))                                                   \
  X(clock_nanosleep, FIXED(3, 16))                                             \
  X(getitimer, FIXED(1, 32))                                                   \
  X(setitimer, FIXED(2, 32))                                                   \
  X(timer_gettime, FIXED(1, 32))                                               \
  X(timer_settime, FIXED(3, 32))                                               \
  X(timerfd_gettime, FIXED(1, 32))                                             \
  X(timerfd_settime, FIXED(3, 32))                                             \
  X(rt_sigaction, FIXED(2, 32))                                                \
  X(rt_sigprocmask, FIXED(2, 8))                                               \
  X(rt_sigpending, FIXED(0, 8))                                                \
  X(rt_sigtimedwait, FIXED(1, 128))                                            \
  X(sigaltstack, FIXED(1, 24))                                                 \
  X(sched_getaffinity, BUFFER(2, 1))                                           \
  X(sched_getparam, FIXED(1, 4))                                               \
  X(sched_getattr, FIXED(1, 64))                                               \
  X(getcpu, FIXED(0, 4), FIXED(1, 4))                                          \
  X(mincore, FIXED(2, 4096))                                                   \
  X(mq_timedreceive, BUFFER(1, 2), FIXED(3, 4))                                \
  X(mmap, MAPPING(0, 1))                                                       \
  X(munmap, MAPPING(0, 1))                                                     \
  X(mremap, MAPPING(0, 1))                                                     \
  X(mprotect, MAPPING(0, 1))                                                   \
  X(pkey_mprotect, MAPPING(0, 1))                                              \
  X(msgrcv, BUFFER(1, 2))                                                      \
  X(futex, FIXED(0, 4), FIXED(4, 4))

#define NUMBERS 512

#define INDEX(name, ...) CALL_##name,
enum call { CALL_none, CALLS(INDEX) };

#define NUMBER(name, ...) [SYS_##name] = CALL_##name,
static const unsigned char calls[NUMBERS] = {CALLS(NUMBER)};

#define OUTPUTS 3
#define OUTPUTS_OF(name, ...) [CALL_##name] = {__VA_ARGS__},
static const struct output outputs[][OUTPUTS] = {CALLS(OUTPUTS_OF)};

bool watch_calls_want(uint32_t number) {
  return number < NUMBERS && calls[number] != CALL_none;
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
    if (SYS(process_vm_readv, SYS(getpid), &own, 1, &its, 1, 0) != (long)step)
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
      watch_range_fire(r->slot, SEEN_BY_CALL);
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
  watch_range_fire(slot, SEEN_BY_CALL);
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
      watch_range_fire(r->slot, SEEN_BY_CALL);
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
    watch_range_fire(slot, SEEN_BY_CALL);
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

/* The call may write to [begin, begin + length). */
static void written(struct told *told, uint64_t begin, uint64_t length) {
  uint64_t end = begin + length;
  if (end < begin)
    end = UINT64_MAX;
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
      touch(told, i, first > begin ? first : begin, last < end ? last : end);
  }
}

#define ENTRIES_MOST 1024u
#define ENTRY 16u       /* sizeof struct iovec */
#define MESSAGE_NAME 0u /* offsets in struct msghdr */
#define MESSAGE_NAME_LENGTH 8u
#define MESSAGE_VECTOR 16u
#define MESSAGE_COUNT 24u
#define MESSAGE_CONTROL 32u
#define MESSAGE_CONTROL_LENGTH 40u
#define MESSAGE_SIZE 56u
#define NEXT_MESSAGE 64u /* sizeof struct mmsghdr */
#define MESSAGES_MOST 64u

static uint64_t word(uint64_t address) {
  return calls_word_of_program(address, 0);
}

static void written_vector(struct told *told, uint64_t vector, uint64_t count) {
  for (uint64_t i = 0; i < count && i < ENTRIES_MOST; i++)
    written(told, word(vector + i * ENTRY), word(vector + i * ENTRY + 8));
}

static void written_message(struct told *told, uint64_t message) {
  written_vector(told, word(message + MESSAGE_VECTOR),
                 word(message + MESSAGE_COUNT));
  written(told, word(message + MESSAGE_NAME),
          word(message + MESSAGE_NAME_LENGTH) & UINT32_MAX);
  written(told, word(message + MESSAGE_CONTROL),
          word(message + MESSAGE_CONTROL_LENGTH));
  written(told, message, MESSAGE_SIZE);
}

static void output(struct told *told, const struct output *output) {
  const uint64_t *a = told->call->arguments;
  uint64_t pointer = a[output->pointer], count = a[output->count];
  if (!pointer)
    return;
  switch (output->kind) {
  case OUT_BUFFER:
    return written(told, pointer, count);
  case OUT_FIXED:
    return written(told, pointer, output->size);
  case OUT_ARRAY:
    return written(told, pointer, (count & UINT32_MAX) * output->size);
  case OUT_MAPPING:
    return watch_pages_mapped(pointer, pointer + count);
  case OUT_VECTOR:
    return written_vector(told, pointer, count);
  case OUT_MESSAGE:
    return written_message(told, pointer);
  case OUT_MESSAGES:
    for (uint64_t i = 0; i < (count & UINT32_MAX) && i < MESSAGES_MOST; i++)
      written_message(told, pointer + i * NEXT_MESSAGE);
    return;
  default:
    return;
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
  for (unsigned i = 0; i < OUTPUTS; i++)
    output(&told, &outputs[calls[call->number]][i]);
}
