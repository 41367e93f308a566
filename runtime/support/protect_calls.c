/* protect_calls.c - see protect_calls.h. Runs on the program's threads in the
 * place of an instruction of libc: no libc, no lock, general registers only. */
#include "protect_calls.h"

#include "../arch/sys.h"
#include "call_outputs.h"
#include "calls.h"
#include "protect.h"
#include "unstopped.h"

#include <linux/sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/uio.h>

#define PAGE 4096ull

enum how {
  FILL_LITTLE,    /* two pages behind each argument, and call_outputs.h */
  FILL_NOTHING,   /* memory is read only */
  FILL_STACK,     /* as first; a stack of a new thread ends at args[1] */
  FILL_CLONE,     /* the same, of clone3() */
  FILL_HANDLERS,  /* likewise, a stack of signal handlers */
  LEAVE_RANGE,    /* args[0], args[1] bytes, are the program's */
  LEAVE_MAPPED,   /* the same where the address is fixed */
  LEAVE_MOVED,    /* mremap() */
  LEAVE_HEAP,     /* brk() */
  LEAVE_ATTACHED, /* shmat() */
  BLOCK_SIGNALS,
};

#define NUMBERS 512
static const uint8_t rows[NUMBERS] = {
    [SYS_clone] = FILL_STACK,
    [SYS_clone3] = FILL_CLONE,
    [SYS_sigaltstack] = FILL_HANDLERS,
    [SYS_munmap] = LEAVE_RANGE,
    [SYS_mprotect] = LEAVE_RANGE,
    [SYS_pkey_mprotect] = LEAVE_RANGE,
    [SYS_remap_file_pages] = LEAVE_RANGE,
    [SYS_mmap] = LEAVE_MAPPED,
    [SYS_mremap] = LEAVE_MOVED,
    [SYS_brk] = LEAVE_HEAP,
    [SYS_shmat] = LEAVE_ATTACHED,
    [SYS_rt_sigprocmask] = BLOCK_SIGNALS,
    [SYS_write] = FILL_NOTHING,
    [SYS_pwrite64] = FILL_NOTHING,
    [SYS_writev] = FILL_NOTHING,
    [SYS_pwritev] = FILL_NOTHING,
    [SYS_pwritev2] = FILL_NOTHING,
    [SYS_sendto] = FILL_NOTHING,
    [SYS_sendmsg] = FILL_NOTHING,
    [SYS_madvise] = FILL_NOTHING,
    [SYS_msync] = FILL_NOTHING,
    [SYS_mlock] = FILL_NOTHING,
    [SYS_munlock] = FILL_NOTHING,
    [SYS_execve] = FILL_NOTHING,
    [SYS_open] = FILL_NOTHING,
    [SYS_openat] = FILL_NOTHING,
};

/* ---- what is filled ---- */

static uint64_t word_at(uint64_t address) {
  return calls_word_of_program(address, 0);
}

static void visit_bytes(uint64_t begin, uint64_t length,
                        protect_range_visit *visit) {
  uint64_t end = begin + length;
  if (begin && length)
    visit(begin, end < begin ? UINT64_MAX : end);
}

static void visit_little(const uint64_t *a, protect_range_visit *visit) {
  for (unsigned i = 0; i < 6; i++)
    if (a[i] >= 65536 && a[i] <= UINT64_MAX - 2 * PAGE)
      visit(a[i], a[i] + PAGE + 1);
}

/* What a new thread begins on: its first page faults where no signal can be
 * taken yet. */
#define STACK_TOP (64 * 1024)

static void visit_clone(uint64_t arguments, protect_range_visit *visit) {
  for (uint64_t at = 8; at <= 24; at += 8) /* pidfd, child and parent tid */
    visit_bytes(word_at(arguments + at), 8, visit);
  visit_bytes(word_at(arguments + 40), word_at(arguments + 48), visit);
}

static void visit_output(uint64_t begin, uint64_t end, void *context) {
  protect_range_visit *const *visit = context;
  (*visit)(begin, end);
}

void protect_calls_fill(const struct arch_call *call,
                        protect_range_visit *visit) {
  enum how how = call->number < NUMBERS ? rows[call->number] : FILL_LITTLE;
  const uint64_t *a = call->arguments;
  if (how == FILL_NOTHING || (how >= LEAVE_RANGE && how != BLOCK_SIGNALS))
    return;
  visit_little(a, visit);
  call_outputs_each(call, visit_output, &visit);
  switch (how) {
  case FILL_STACK:
    return visit_bytes(a[1] - STACK_TOP, a[1] ? STACK_TOP : 0, visit);
  case FILL_CLONE:
    return visit_clone(a[0], visit);
  case FILL_HANDLERS:
    return visit_bytes(word_at(a[0]), a[0] ? word_at(a[0] + 16) : 0, visit);
  default:
    return;
  }
}

/* struct robust_list_head: the first entry, where in an entry its lock is, and
 * the entry that is being taken or given back. Bit 0 of an address is a flag.
 */
#define LOCKS_MOST 2048u

void protect_calls_robust(uint64_t list, protect_range_visit *visit) {
  uint64_t entry = list ? word_at(list) & ~1ull : list;
  uint64_t offset = list ? word_at(list + 8) : 0;
  uint64_t pending = list ? word_at(list + 16) & ~1ull : 0;
  if (pending)
    visit_bytes(pending + offset, 4, visit);
  for (unsigned i = 0; entry && entry != list && i < LOCKS_MOST; i++) {
    visit_bytes(entry + offset, 4, visit);
    entry = word_at(entry) & ~1ull;
  }
}

/* Handlers further up are few, and their stack is not deep. */
#define STACK_PIECE 512u
#define STACK_PIECES 64u

void protect_calls_interrupted(uint64_t sp, protect_range_visit *visit) {
  uint64_t words[STACK_PIECE];
  struct arch_call call;
  for (unsigned piece = 0; piece < STACK_PIECES; piece++) {
    struct iovec own = {words, sizeof words};
    struct iovec its = {(void *)(sp & ~7ull), sizeof words};
    long got = SYS(process_vm_readv, SYS(gettid), &own, 1, &its, 1, 0);
    for (uint64_t i = 0; got > 0 && i < (uint64_t)got / 8; i++) {
      uint64_t pc;
      if (arch_signal_frame_call(words, i, &call, &pc) &&
          (word_at(pc) & 0xFFFF) == ARCH_SYSCALL_CODE)
        protect_calls_fill(&call, visit);
    }
    if (got < (long)sizeof words)
      return;
    sp += sizeof words / 2; /* a frame is found whole in one of the two */
  }
}

/* ---- before a call ---- */

/* Sets of signals without SIGSEGV, in place of those of calls: the program's
 * own may be constant, and the call reads it when we are through. */
#define SETS 64u
static _Atomic uint64_t sets[SETS];

static const _Atomic uint64_t *set_without(uint64_t set, uint64_t bit) {
  for (unsigned i = 0; i < SETS; i++) {
    uint64_t none = 0;
    if (atomic_load(&sets[i]) == (set & ~bit) ||
        atomic_compare_exchange_strong(&sets[i], &none, set & ~bit) ||
        none == (set & ~bit))
      return &sets[i];
  }
  return 0;
}

static void block_signals(uint64_t *a) {
  uint64_t bit = 1ull << (SIGSEGV - 1);
  uint64_t set = a[1] ? word_at(a[1]) : 0;
  if (a[0] == SIG_UNBLOCK || !(set & bit))
    return;
  const _Atomic uint64_t *other = set_without(set, bit);
  if (other)
    a[1] = (uint64_t)other;
}

static void leave_moved(const uint64_t *a) {
  protect_leave(a[0], a[0] + a[1]);
  if (a[3] & MREMAP_FIXED)
    protect_leave(a[4], a[4] + a[2]);
}

static void leave_attached(const uint64_t *a) {
  struct shmid_ds segment;
  if (a[1] && a[2] & SHM_REMAP && SYS(shmctl, a[0], IPC_STAT, &segment) >= 0)
    protect_leave(a[1], a[1] + segment.shm_segsz);
}

static void open_or_leave(struct arch_call *call) {
  uint64_t *a = call->arguments;
  switch ((enum how)rows[call->number]) {
  case LEAVE_RANGE:
    return protect_leave(a[0], a[0] + a[1]);
  case LEAVE_MAPPED:
    if (a[3] & MAP_FIXED)
      protect_leave(a[0], a[0] + a[1]);
    return;
  case LEAVE_MOVED:
    return leave_moved(a);
  case LEAVE_HEAP:
    if (a[0])
      protect_heap_ends(a[0]);
    return;
  case LEAVE_ATTACHED:
    return leave_attached(a);
  case BLOCK_SIGNALS:
    block_signals(a);
    break;
  default:
    break;
  }
  protect_calls_fill(call, protect_open);
}

void protect_calls_before(struct arch_call *call) {
  if (!protect_is_on() || call->number >= NUMBERS)
    return;
  struct unstopped before = unstopped_begin();
  open_or_leave(call);
  unstopped_end(before);
}
