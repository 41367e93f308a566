/* watch_pages.c - see watch_pages.h. Compiled for general registers only.
 *
 * What faults and steps, what calls and stops do to the pieces. A thread goes
 * by its thread pointer, as in hooks.c.
 */
#include "watch_pages.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/protect.h"
#include "breakpoints.h"
#include "events.h"
#include "faults.h"
#include "watch.h"
#include "watch_calls.h"
#include "watch_pieces.h"
#include "watch_range.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define PAGE 4096u

static LIVE _Atomic uint32_t loosened; /* pieces are open until the next stop */
static LIVE _Atomic uint32_t lost;

#define STEPPING 64u
#define STEP_PIECES 4u
#define COMPARED 8u
static struct step {
  _Atomic uint64_t thread; /* 0: free */
  uint64_t pc;
  uint64_t addresses[STEP_PIECES]; /* that it is to write to; 0: none */
  uint64_t touched;                /* bit per slot: this is the write */
  unsigned nested; /* steps that a signal's handler interrupted */
  struct {
    unsigned slot;
    uint64_t begin, length, sum;
  } compared[COMPARED];
  unsigned compared_count;
  /* Of variables that debug registers watch, a bit for each: as touched, and as
   * compared. */
  unsigned registers, summed;
  uint64_t sums[BREAKPOINTS];
} stepping[STEPPING];

static bool served(void) {
  return atomic_load(&watch_state.pid) == (int)SYS(getpid);
}

static void wake(void) {
  if (!served())
    return;
  atomic_fetch_or(watch_state.word, watch_state.bit);
  SYS(futex, watch_state.word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

/* Those that a step is to tell of: it takes the place of the signal by which a
 * debug register tells. */
static uint64_t stepped_in(uint64_t begin, uint64_t end) {
  return watch_slots_by_pages(begin, end) |
         watch_slots_by(WATCH_BY_REGISTERS, begin, end);
}

static uint64_t waiting_of(uint64_t slots) {
  uint64_t waiting = 0;
  for (; slots; slots &= slots - 1) {
    unsigned slot = (unsigned)__builtin_ctzll(slots);
    if (watch_state.ranges[slot].asked & WATCH_BEFORE)
      waiting |= 1ull << slot;
  }
  return waiting;
}

/* ---- one instruction ---- */

static struct step *find_step(uint64_t thread) {
  for (unsigned i = 0; i < STEPPING; i++)
    if (atomic_load(&stepping[i].thread) == thread)
      return &stepping[i];
  return 0;
}

static uint64_t own_thread(void) {
  uint64_t thread, gs;
  arch_get_tls(&thread, &gs);
  return thread;
}

static struct step *claim_step(uint64_t pc) {
  uint64_t thread = own_thread();
  struct step *step = find_step(thread);
  if (step && step->pc == pc)
    return step;
  if (!step)
    step = find_step(0);
  if (!step)
    return 0;
  step->nested =
      atomic_load(&step->thread) ? step->nested + (step->pc != 0) : 0;
  step->pc = pc;
  for (unsigned i = 0; i < STEP_PIECES; i++)
    step->addresses[i] = 0;
  step->touched = 0;
  step->compared_count = 0;
  step->registers = step->summed = 0;
  atomic_store(&step->thread, thread);
  return step;
}

/* What else is on the piece, which another thread may write to meanwhile, or
 * the end of a write that begins in front of it. */
static void remember(struct step *step, const struct watch_piece *piece,
                     uint64_t slots) {
  if (piece->end - piece->begin > PAGE)
    return;
  for (; slots && step->compared_count < COMPARED; slots &= slots - 1) {
    unsigned slot = (unsigned)__builtin_ctzll(slots);
    const struct watch_range *range = &watch_state.ranges[slot];
    uint64_t first = atomic_load(&range->address);
    uint64_t last = first + range->length;
    first = first > piece->begin ? first : piece->begin;
    last = last < piece->end ? last : piece->end;
    unsigned i = step->compared_count++;
    step->compared[i].slot = slot;
    step->compared[i].begin = first;
    step->compared[i].length = last - first;
    step->compared[i].sum = watch_calls_sum(first, last - first);
  }
}

static uint64_t sum_register(unsigned index) {
  uint64_t address;
  unsigned length = breakpoints_piece(index, &address);
  return watch_calls_sum(address, length);
}

/* The same of variables: of debug registers' signals it takes the place, too.
 */
static void remember_registers(struct step *step, uint64_t address) {
  uint64_t begin = address & ~(uint64_t)(PAGE - 1);
  unsigned there =
      breakpoints_in(BREAKPOINTS_OF_VARIABLES, begin, begin + PAGE);
  step->registers |=
      breakpoints_in(BREAKPOINTS_OF_VARIABLES, address, address + 1);
  for (unsigned i = 0; i < BREAKPOINTS; i++)
    if (there >> i & 1 && !(step->summed >> i & 1)) {
      step->summed |= 1u << i;
      step->sums[i] = sum_register(i);
    }
}

/* What the step has written to. */
static unsigned written_registers(const struct step *step) {
  unsigned written = step->registers;
  for (unsigned i = 0; i < BREAKPOINTS; i++)
    if (step->summed >> i & 1 && sum_register(i) != step->sums[i])
      written |= 1u << i;
  return written;
}

static void tell_of_registers(unsigned written) {
  uint64_t address;
  for (unsigned i = 0; i < BREAKPOINTS; i++)
    if (written >> i & 1 && breakpoints_piece(i, &address))
      watch_written(address);
}

/* Whether the thread was here before, in the same instruction. */
static bool is_known(const struct step *step, uint64_t address) {
  for (unsigned i = 0; i < STEP_PIECES; i++)
    if (step->addresses[i] == address)
      return true;
  return false;
}

static bool note_address(struct step *step, uint64_t address) {
  for (unsigned i = 0; i < STEP_PIECES; i++)
    if (!step->addresses[i]) {
      step->addresses[i] = address;
      return true;
    }
  return false;
}

/* Opens the piece for the instruction; without a place for that, until the next
 * stop. */
static void begin_step(ucontext_t *context, struct watch_piece *piece,
                       uint64_t address, uint64_t touched) {
  struct step *step = claim_step(arch_context_pc(context));
  if (!step || (!is_known(step, address) && !note_address(step, address))) {
    watch_pieces_open(piece);
    piece->loose = true;
    atomic_store(&loosened, 1);
    watch_range_fire(touched, SEEN_BY_PAGE);
    return;
  }
  if (!piece->loose)
    remember(step, piece, stepped_in(piece->begin, piece->end) & ~touched);
  remember_registers(step, address);
  step->touched |= touched;
  watch_pieces_open(piece);
  piece->steps++;
  arch_context_set_step(context, true);
}

/* What was interrupted steps yet, or faults again. */
static void end_step(struct step *step) {
  step->pc = 0;
  step->touched = 0;
  step->compared_count = 0;
  step->registers = step->summed = 0;
  for (unsigned i = 0; i < STEP_PIECES; i++)
    step->addresses[i] = 0;
  if (step->nested)
    step->nested--;
  else
    atomic_store(&step->thread, 0);
}

/* What one thread tells of, others that are in a step there do not tell of
 * again. */
static void note_known(uint64_t slots) {
  for (struct step *step = stepping; step < stepping + STEPPING; step++)
    for (unsigned i = 0; i < step->compared_count; i++)
      if (slots >> step->compared[i].slot & 1)
        step->compared[i].sum =
            watch_calls_sum(step->compared[i].begin, step->compared[i].length);
}

/* Writes that come until the checkpoint are in it. */
static bool stays_open(const struct watch_piece *piece, uint64_t fired) {
  uint64_t slots = watch_slots_by_pages(piece->begin, piece->end);
  return slots & fired && !waiting_of(slots);
}

static void end_pieces(const struct step *step) {
  for (unsigned i = 0; i < STEP_PIECES && step->addresses[i]; i++) {
    struct watch_piece *piece = watch_pieces_find(step->addresses[i]);
    if (!piece)
      continue;
    piece->steps -= piece->steps != 0;
    if (stays_open(piece, step->touched))
      piece->loose = true;
    else if (!piece->steps && !piece->loose)
      watch_pieces_close(piece);
  }
}

/* Once the pieces are closed: others write between the look and that. */
static uint64_t changed(const struct step *step) {
  uint64_t slots = 0;
  for (unsigned i = 0; i < step->compared_count; i++)
    if (watch_calls_sum(step->compared[i].begin, step->compared[i].length) !=
        step->compared[i].sum)
      slots |= 1ull << step->compared[i].slot;
  for (unsigned i = 0; i < STEP_PIECES && step->addresses[i]; i++) {
    struct watch_piece *piece = watch_pieces_find(step->addresses[i]);
    if (piece && stays_open(piece, slots)) {
      watch_pieces_open(piece);
      piece->loose = true;
    }
  }
  return slots;
}

/* A call has opened the piece for longer meanwhile: this write is known. */
static void sum_pieces(const struct step *step, uint64_t fired) {
  for (unsigned i = 0; i < STEP_PIECES && step->addresses[i]; i++) {
    struct watch_piece *piece = watch_pieces_find(step->addresses[i]);
    if (piece && watch_slots_by_pages(piece->begin, piece->end) & fired)
      watch_pieces_sum_again(piece);
  }
}

bool watch_pages_stepped(ucontext_t *context) {
  struct step *step = find_step(own_thread());
  if (!step)
    return false;
  uint64_t before = watch_pieces_lock();
  end_pieces(step);
  uint64_t fired = step->touched | changed(step);
  fired &= ~(waiting_of(fired) & step->touched); /* those were waited for */
  sum_pieces(step, fired);
  unsigned registers = written_registers(step);
  arch_context_set_step(context, false);
  end_step(step);
  if (fired)
    note_known(fired);
  watch_pieces_unlock(before);
  if (fired)
    watch_range_fire(fired, SEEN_BY_PAGE);
  tell_of_registers(registers);
  return true;
}

/* ---- faults ---- */

/* A piece that is open does not fault for us: another thread has opened it
 * meanwhile, or the fault is the program's; then it comes again, while the
 * piece stays open. */
static bool is_own(const struct watch_piece *piece, uint64_t pc,
                   uint64_t address) {
  static struct {
    uint64_t thread, pc, address, closed;
  } last; /* under the lock */
  uint64_t thread = own_thread();
  bool again = last.thread == thread && last.pc == pc &&
               last.address == address && last.closed == piece->closed;
  last.thread = again ? 0 : thread;
  last.pc = pc;
  last.address = address;
  last.closed = piece->closed;
  return again;
}

/* Before what was waited for, the instruction faults again, and is known. */
static bool waited_already(uint64_t pc) {
  const struct step *step = find_step(own_thread());
  return step && step->pc == pc;
}

static void wait_before(ucontext_t *context, uint64_t slots) {
  unsigned slot = (unsigned)__builtin_ctzll(slots);
  atomic_store(&watch_state.last_waiting, slot);
  atomic_fetch_or(&watch_state.waiting, slots);
  atomic_store(&watch_state.waiting_seer, SEEN_BY_PAGE);
  events_wait_by(context, watch_range_ask);
}

bool watch_pages_fault(const siginfo_t *info, ucontext_t *context) {
  uint64_t address = (uint64_t)info->si_addr, pc = arch_context_pc(context);
  if (info->si_code != SEGV_ACCERR || !watch_pieces.count)
    return false;
  uint64_t before = watch_pieces_lock();
  struct watch_piece *piece = watch_pieces_find(address);
  if (!piece || (piece->open && is_own(piece, pc, address))) {
    watch_pieces_unlock(before);
    return false;
  }
  if (!served()) { /* a child: as if it were not watched */
    watch_pieces_open(piece);
    watch_pieces_unlock(before);
    return true;
  }
  uint64_t touched = stepped_in(address, address + 1);
  uint64_t waiting = waiting_of(touched);
  if (waiting && !waited_already(pc)) {
    watch_pieces_unlock(before);
    wait_before(context, waiting);
    before = watch_pieces_lock();
    piece = watch_pieces_find(address);
  }
  if (piece)
    begin_step(context, piece, address, touched);
  watch_pieces_unlock(before);
  return true;
}

/* ---- system calls ---- */

void watch_pages_written(uint64_t begin, uint64_t end) {
  bool any = false;
  /* Without the lock: what is cut meanwhile is in its piece yet. */
  for (unsigned i = 0; i < watch_pieces.count && !any; i++)
    any = watch_pieces.piece[i].begin < end &&
          begin < watch_pieces.piece[i].until;
  if (!any)
    return;
  uint64_t before = watch_pieces_lock();
  for (unsigned i = 0; i < watch_pieces.count; i++)
    if (watch_pieces.piece[i].begin < end && begin < watch_pieces.piece[i].end)
      watch_pieces_loosen(watch_pieces_cut(&watch_pieces.piece[i], begin, end));
  watch_pieces_unlock(before);
  atomic_store(&loosened, 1);
  wake();
}

/* With its parts. */
static void give_up(const struct watch_piece *whole) {
  uint64_t begin = whole->begin, until = whole->until;
  for (unsigned i = 0; i < watch_pieces.count; i++) {
    struct watch_piece *piece = &watch_pieces.piece[i];
    if (piece->begin < begin || piece->end > until)
      continue;
    watch_pieces_open(piece);
    piece->begin = piece->end = piece->until = 0;
  }
}

void watch_pages_mapped(uint64_t begin, uint64_t end) {
  bool any = watch_slots_by_pages(begin, end) != 0;
  uint64_t before = watch_pieces_lock();
  for (unsigned i = 0; i < watch_pieces.count; i++)
    if (watch_pieces.piece[i].begin < end &&
        begin < watch_pieces.piece[i].until) {
      give_up(&watch_pieces.piece[i]);
      any = true;
    }
  watch_pieces_unlock(before);
  if (any) {
    atomic_store(&lost, 1);
    wake();
  }
}

void watch_pages_seen(uint64_t begin, uint64_t end) {
  if (!watch_pieces.count)
    return;
  uint64_t before = watch_pieces_lock();
  for (unsigned i = 0; i < watch_pieces.count; i++)
    if (watch_pieces.piece[i].begin < end && begin < watch_pieces.piece[i].end)
      watch_pieces_sum_again(&watch_pieces.piece[i]);
  watch_pieces_unlock(before);
}

void watch_pages_let(void) {
  if (!watch_pieces.count)
    return;
  uint64_t before = watch_pieces_lock();
  for (unsigned i = 0; i < watch_pieces.count; i++)
    watch_pieces_loosen(&watch_pieces.piece[i]);
  watch_pieces_unlock(before);
  atomic_store(&loosened, 1);
}

/* ---- in stops ---- */

void watch_pages_open(void) {
  for (unsigned i = 0; i < watch_pieces.count; i++) {
    watch_pieces_open(&watch_pieces.piece[i]);
    watch_pieces_settle(&watch_pieces.piece[i]);
  }
}

void watch_pages_close(void) {
  if (!watch_pieces.count)
    return;
  if (protect_is_on()) { /* what this opens would not be noted there */
    watch_pieces.count = 0;
    atomic_store(&lost, 1);
    return;
  }
  atomic_store(&loosened, 0);
  /* Calls that are about to be made open theirs again. */
  atomic_fetch_add(&arch_call_epoch, 1);
  for (unsigned i = 0; i < watch_pieces.count; i++) {
    watch_pieces_settle(&watch_pieces.piece[i]);
    watch_pieces_close(&watch_pieces.piece[i]);
  }
  watch_pieces_join();
}

void watch_pages_not_taken(void) {
  if (watch_pieces.count)
    atomic_store(&loosened, 1);
}

void watch_pages_forget(void) {
  watch_pages_open(); /* in a child */
  watch_pieces.count = 0;
  for (unsigned i = 0; i < STEPPING; i++)
    atomic_store(&stepping[i].thread, 0);
}

/* The kernel itself writes there: signal frames, and what it has for threads
 * at their thread pointers. */
#define STACK (8ull << 20) /* of a thread, as a rule */
#define THREAD_BELOW (64u << 10)
#define THREAD_ABOVE 4096u

static bool is_kernels(const struct parked *thread, uint64_t begin,
                       uint64_t end) {
  uint64_t sp = arch_context_sp(thread->context), fs = thread->fs_base;
  const stack_t *other = &thread->context->uc_stack;
  uint64_t stack = (uint64_t)other->ss_sp;
  return (begin < sp + STACK && end > sp - PAGE) ||
         (begin < fs + THREAD_ABOVE && end > fs - THREAD_BELOW) ||
         (other->ss_size && !(other->ss_flags & SS_DISABLE) &&
          begin < stack + other->ss_size && end > stack);
}

static bool may_be_protected(const struct memory_map *map,
                             const struct parked *threads, unsigned number,
                             uint64_t begin, uint64_t end) {
  const struct area *area = memory_map_at(map, begin);
  for (unsigned i = 0; i < number; i++) {
    /* Only with the stack in the same area, which others may lie near. */
    uint64_t sp = arch_context_sp(threads[i].context);
    bool near = area && ((sp >= area->start && sp < area->end) ||
                         (threads[i].fs_base >= area->start &&
                          threads[i].fs_base <= area->end) ||
                         threads[i].context->uc_stack.ss_size);
    if (near && is_kernels(&threads[i], begin, end))
      return false;
  }
  for (uint64_t at = begin; at < end; at = area->end) {
    area = memory_map_at(map, at);
    if (!area || area->huge_page || area->type == AREA_TYPE_KERNEL)
      return false;
  }
  return true;
}

/* What was summed up is not of these slots. */
static void change_slots(void) {
  for (unsigned slot = 0; slot < WATCH_SLOTS; slot++) {
    struct watch_range *range = &watch_state.ranges[slot];
    if (atomic_load(&range->call) == CALL_GONE)
      atomic_store(&range->address, 0);
    if (atomic_load(&range->how) == WATCH_TO_PAGES)
      atomic_store(&range->how, WATCH_BY_PAGES);
  }
}

static bool is_by_pages(unsigned slot) {
  const struct watch_range *range = &watch_state.ranges[slot];
  return atomic_load(&range->address) &&
         atomic_load(&range->how) == WATCH_BY_PAGES;
}

/* With all threads standing. */
static uint64_t build(struct memory_map *map, const struct parked *threads,
                      unsigned number) {
  uint64_t refused = 0;
  watch_pages_open();
  watch_pieces.count = 0;
  change_slots();
  if (memory_map_glance(map, 0) < 0)
    return ~0ull;
  for (unsigned slot = 0; slot < WATCH_SLOTS; slot++) {
    const struct watch_range *range = &watch_state.ranges[slot];
    uint64_t begin = atomic_load(&range->address) & ~(uint64_t)(PAGE - 1);
    uint64_t end = atomic_load(&range->address) + range->length;
    if (!is_by_pages(slot))
      continue;
    if (!may_be_protected(map, threads, number, begin,
                          (end + PAGE - 1) & ~(uint64_t)(PAGE - 1)) ||
        !watch_pieces_add(map, slot))
      refused |= 1ull << slot;
  }
  watch_pieces.whole = watch_pieces.count;
  return refused;
}

uint64_t watch_pages_protect(struct hwckpt_error *error) {
  struct memory_map map;
  struct parked *threads;
  unsigned number;
  if (memory_map_open(&map, error) < 0)
    return ~0ull;
  atomic_store(&lost, 0);
  uint64_t refused = ~0ull;
  if (quiesce_stop(0, &threads, &number, error) == 0) {
    refused = build(&map, threads, number);
    faults_catch_writes();
    for (unsigned i = 0; i < number; i++) {
      arch_context_unblock(threads[i].context, SIGSEGV);
      arch_context_unblock(threads[i].context, SIGTRAP);
    }
    watch_pages_close();
    quiesce_resume();
  }
  memory_map_close(&map);
  return refused;
}

#define PACE_MIN_NS 2000000u
#define PACE_MAX_NS 512000000u
static LIVE uint64_t pace_ns, again_ns, last_ns;

uint64_t watch_pages_look(uint64_t now_ns, bool *gone) {
  struct hwckpt_error error;
  struct parked *threads;
  unsigned number;
  *gone = atomic_load(&lost) != 0;
  if (!atomic_load(&loosened) || !watch_pieces.count) {
    again_ns = 0; /* a checkpoint has seen to it */
    return UINT64_MAX;
  }
  if (!again_ns) {
    if (!pace_ns)
      pace_ns = PACE_MIN_NS;
    again_ns = now_ns + pace_ns;
  }
  if (now_ns < again_ns)
    return again_ns;
  /* The more often it is, the later. */
  pace_ns = now_ns - last_ns > PACE_MAX_NS ? PACE_MIN_NS
            : pace_ns < PACE_MAX_NS        ? 2 * pace_ns
                                           : pace_ns;
  last_ns = now_ns;
  again_ns = 0;
  if (quiesce_stop(0, &threads, &number, &error) == 0) {
    watch_pages_close();
    quiesce_resume();
  }
  return UINT64_MAX;
}
