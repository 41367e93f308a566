/* protect.c - see protect.h.
 *
 * A table of ranges, with a byte for each page, says what is protected. There
 * are two: while one tells what was written, the other is made. They change in
 * the stop only, but for the bytes. Who looks into one has signals blocked, so
 * no stop finds a thread in the middle of it.
 */
#include "protect.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "handlers.h"
#include "live.h"
#include "private.h"
#include "protect_calls.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096ull
/* Smaller areas are copied each time. */
#define SMALL (16 * PAGE)
/* Larger ones are not only a stack. */
#define STACK_MOST (64ull << 20)
/* Pages that hold nothing are protected with those around, if so few. */
#define BRIDGED 512u
#define RANGES 16384u
#define PAGES ((uint64_t)64 << 20) /* of all ranges: 256 GiB */
#define SWITCHED 1024u

enum state {
  OPEN, /* written, or never protected */
  PROTECTED,
  LEFT, /* the program's to protect */
};

struct range {
  uint64_t begin, end;
  uint32_t protection; /* the program's */
  bool heap;
  _Atomic uint8_t *pages;
};

struct table {
  struct range *ranges; /* ascending */
  uint32_t count;
  _Atomic uint8_t *pages;
  uint64_t used;
};

static LIVE struct {
  struct table both[2];
  struct table *_Atomic now; /* null: nothing was protected */
  struct table *next;
  _Atomic bool on;         /* it is protected at the moment */
  bool known;              /* was until the stop */
  _Atomic uint32_t faults; /* since it was protected */
  /* Stack pointers seen with what they point to protected, the last of each
   * 64 KiB as far as there is room: of stacks that threads switch to, which are
   * left open from then on. */
  _Atomic uint64_t *switched;
} protect;

/* The runtime's own variables; the linker makes the names. */
extern char own_begin[] __asm__("__start_hwckpt_bss")
    __attribute__((visibility("hidden")));
extern char own_end[] __asm__("__stop_hwckpt_bss")
    __attribute__((visibility("hidden")));

static uint64_t page_down(uint64_t address) { return address & ~(PAGE - 1); }
static uint64_t page_up(uint64_t address) {
  return (address + PAGE - 1) & ~(PAGE - 1);
}

static _Atomic uint8_t *state_of(const struct range *range, uint64_t page) {
  return range->pages + (page - range->begin) / PAGE;
}

/* The first range that ends above the address; null: none. */
static const struct range *range_from(const struct table *table,
                                      uint64_t address) {
  uint32_t low = 0, high = table->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (table->ranges[middle].end > address)
      high = middle;
    else
      low = middle + 1;
  }
  return low < table->count ? &table->ranges[low] : 0;
}

static const struct range *range_after(const struct table *table,
                                       const struct range *range) {
  return range + 1 < table->ranges + table->count ? range + 1 : 0;
}

static long set_protection(const struct range *range, uint64_t begin,
                           uint64_t end, bool writable) {
  uint32_t protection = range->protection & ~(uint32_t)PROT_WRITE;
  return SYS(mprotect, begin, end - begin,
             writable ? range->protection : protection);
}

/* Where the run of pages in one state ends that begins at `at`. */
static uint64_t run_end(const struct range *range, uint64_t at, uint64_t end) {
  uint8_t state = atomic_load(state_of(range, at));
  while (at < end && atomic_load(state_of(range, at)) == state)
    at += PAGE;
  return at;
}

/* What is protected of [begin, end), which lies in the range, is writable then
 * and in that state; `all`: so is the state of the rest. */
static long open_part(const struct range *range, uint64_t begin, uint64_t end,
                      enum state state, bool all) {
  long result = 0;
  for (uint64_t at = begin, to; at < end; at = to) {
    bool is_protected = atomic_load(state_of(range, at)) == PROTECTED;
    to = run_end(range, at, end);
    long opened = is_protected ? set_protection(range, at, to, true) : 0;
    result = opened < 0 ? opened : result;
    for (uint64_t page = at; page < to && opened == 0; page += PAGE)
      if (is_protected || all)
        atomic_store(state_of(range, page), (uint8_t)state);
  }
  return result;
}

static void open_all(uint64_t begin, uint64_t end, enum state state,
                     bool also_open) {
  const struct table *table = atomic_load(&protect.now);
  begin = page_down(begin);
  end = end > UINT64_MAX - PAGE ? page_down(end) : page_up(end);
  if (!atomic_load(&protect.on) || begin >= end)
    return;
  for (const struct range *range = range_from(table, begin);
       range && range->begin < end; range = range_after(table, range)) {
    uint64_t from = begin > range->begin ? begin : range->begin;
    uint64_t to = end < range->end ? end : range->end;
    /* No room for one more piece in the map: the whole range is one again. */
    if (open_part(range, from, to, state, also_open) < 0)
      open_part(range, range->begin, range->end, OPEN, false);
  }
}

bool protect_is_on(void) { return atomic_load(&protect.on); }

void protect_open(uint64_t begin, uint64_t end) {
  open_all(begin, end, OPEN, false);
}

void protect_leave(uint64_t begin, uint64_t end) {
  open_all(begin, end, LEFT, true);
}

void protect_heap_ends(uint64_t end) {
  const struct table *table = atomic_load(&protect.now);
  if (!atomic_load(&protect.on))
    return;
  for (const struct range *range = range_from(table, end); range;
       range = range_after(table, range))
    if (range->heap)
      protect_leave(end > range->begin ? end : range->begin, range->end);
}

/* ---- the handler ---- */

/* Whether a write to the page is possible, as the kernel sees it: it adds 0 to
 * a word of it. */
static bool is_writable(uint64_t address) {
  uint32_t word = 0;
  return SYS(futex, &word, FUTEX_WAKE_OP_PRIVATE, 0, 0, address & ~3ull,
             FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)) >= 0;
}

/* Each page that is opened by itself makes pieces of the map, of which there
 * may be 65,530: the more there were, the more are opened at a time. */
static uint64_t block_size(void) {
  uint32_t faults = atomic_fetch_add(&protect.faults, 1);
  return faults < 4096    ? PAGE
         : faults < 8192  ? 16 * PAGE
         : faults < 12288 ? 256 * PAGE
                          : 1ull << 40;
}

/* Where a thread writes near its stack pointer is its stack, on which the
 * kernel may put the frame of a signal next: it does not ask, and drops the
 * signal if it cannot write there. */
#define STACK_NEAR (64ull << 10)
#define FRAMES (32ull << 10)
#define RED_ZONE 128u

static void open_for_frames(const struct range *range, uint64_t sp) {
  uint64_t end = page_down(sp), begin = end - FRAMES;
  atomic_store(&protect.switched[(sp >> 16) % SWITCHED], sp);
  begin = begin > range->begin ? begin : range->begin;
  end = end < range->end ? end + PAGE : range->end;
  open_part(range, begin, end, OPEN, false);
}

/* The signal whose frame it was that did not fit: one that is handled there and
 * not blocked; 0: several are, and nothing tells which. */
static int dropped_signal(const ucontext_t *context) {
  int found = 0;
  for (int number = 1; number < NSIG; number++) {
    struct sigaction_raw action = {0};
    signal_get_action(number, &action);
    if (action.handler <= (uint64_t)SIG_IGN || action.flags & SA_ONSTACK ||
        arch_context_sigmask(context) >> (number - 1) & 1)
      continue;
    if (found)
      return 0;
    found = number;
  }
  return found;
}

/* A signal's frame is what could not be written: the kernel has dropped that
 * signal, and sends this one in its place, without an address. */
static bool frame_fault(const struct table *table, const ucontext_t *context) {
  uint64_t sp = arch_context_sp(context), page = page_down(sp - RED_ZONE);
  const struct range *range = range_from(table, page);
  if (!range || range->begin > page || !atomic_load(&protect.on))
    return false;
  bool is_protected = false;
  for (uint64_t below = 0; below < FRAMES && page - below >= range->begin;
       below += PAGE)
    is_protected |= atomic_load(state_of(range, page - below)) == PROTECTED;
  int number = is_protected ? dropped_signal(context) : 0;
  if (!number)
    return false;
  open_for_frames(range, sp);
  return SYS(tgkill, SYS(getpid), SYS(gettid), number) == 0;
}

bool protect_fault(const siginfo_t *info, const ucontext_t *context) {
  uint64_t address = (uint64_t)info->si_addr, page = page_down(address);
  uint64_t sp = arch_context_sp(context);
  const struct table *table = atomic_load(&protect.now);
  if (table && info->si_code == SI_KERNEL)
    return frame_fault(table, context);
  if (info->si_code != SEGV_ACCERR || !table || !arch_context_is_write(context))
    return false;
  const struct range *range = range_from(table, page);
  if (!range || range->begin > page)
    return false;
  /* Another thread may have opened it, or is about to leave it. */
  if (!atomic_load(&protect.on) ||
      atomic_load(state_of(range, page)) != PROTECTED)
    return is_writable(address);
  uint64_t size = block_size();
  uint64_t begin = page & ~(size - 1), end = begin + size;
  begin = begin > range->begin ? begin : range->begin;
  end = end < range->end ? end : range->end;
  if (open_part(range, begin, end, OPEN, false) < 0)
    open_part(range, range->begin, range->end, OPEN, false);
  if (address + PAGE >= sp && address <= sp + STACK_NEAR)
    open_for_frames(range, sp);
  return atomic_load(state_of(range, page)) != PROTECTED;
}

/* ---- the stop ---- */

bool protect_reserve(void) {
  for (unsigned i = 0; i < 2; i++) {
    struct table *table = &protect.both[i];
    if (!table->ranges)
      table->ranges = private_map(RANGES * sizeof *table->ranges);
    if (!table->pages)
      table->pages = private_map(PAGES);
    if (!table->ranges || !table->pages)
      return false;
  }
  if (!protect.switched)
    protect.switched = private_map(SWITCHED * sizeof *protect.switched);
  return protect.switched;
}

/* Whether the area is as the range was left, or writable by now. */
static bool is_as_left(const struct area *area, const struct range *range) {
  return area->type == AREA_TYPE_ANONYMOUS && !area->huge_page &&
         (area->protection | PROT_WRITE) == range->protection;
}

static bool is_left(const struct range *range, uint64_t page) {
  return atomic_load(state_of(range, page)) == LEFT;
}

/* What was left before stays as the program has it. */
static void lift(const struct range *range, uint64_t begin, uint64_t end,
                 bool ours) {
  for (uint64_t at = begin, to; at < end; at = to) {
    bool left = is_left(range, at);
    for (to = at; to < end && is_left(range, to) == left; to += PAGE)
      ;
    if (left || (ours && set_protection(range, at, to, true) == 0))
      continue;
    for (uint64_t page = at; page < to; page += PAGE)
      atomic_store(state_of(range, page), LEFT);
  }
}

static void lift_range(const struct range *range,
                       const struct memory_map *map) {
  uint64_t from = range->begin,
           at = range->begin; /* ours: from there to here */
  for (size_t i = 0; i < map->count && at < range->end; i++) {
    const struct area *area = &map->areas[i];
    if (area->end <= at)
      continue;
    uint64_t begin = area->start > at ? area->start : at;
    uint64_t end = area->end < range->end ? area->end : range->end;
    begin = begin < range->end ? begin : range->end;
    bool ours = is_as_left(area, range) && begin < range->end;
    if (begin > at || !ours) {
      lift(range, from, at, true);
      lift(range, at, ours ? begin : end, false);
      from = ours ? begin : end;
    }
    at = end;
  }
  lift(range, from, at, true);
  lift(range, at, range->end, false);
}

int protect_lift(struct memory_map *map, struct hwckpt_error *error) {
  const struct table *table = atomic_load(&protect.now);
  protect.known = atomic_exchange(&protect.on, false);
  if (!protect.known)
    return 0;
  int result = memory_map_glance(map, error);
  for (uint32_t i = 0; i < table->count && result == 0; i++)
    lift_range(&table->ranges[i], map);
  return result;
}

void protect_begin(void) {
  struct table *now = atomic_load(&protect.now);
  protect.next = &protect.both[now == &protect.both[0]];
  protect.next->count = 0;
  protect.next->used = 0;
}

/* A new range for pages of the area; null: none. */
static struct range *add_range(struct table *table, const struct area *area,
                               uint64_t begin) {
  static const char heap[] = "[heap]";
  if (!table->ranges || table->count == RANGES)
    return 0;
  struct range *range = &table->ranges[table->count++];
  *range = (struct range){
      .begin = begin,
      .end = begin,
      .protection = area->protection,
      .heap = strlen(area->name) == sizeof heap - 1 &&
              memcmp(area->name, heap, sizeof heap - 1) == 0,
      .pages = table->pages + table->used,
  };
  return range;
}

static bool may_be_protected(const struct area *area) {
  return area->type == AREA_TYPE_ANONYMOUS && !area->huge_page &&
         !area->grows_down && area->protection & PROT_WRITE &&
         !(area->guarded && area->end - area->start <= STACK_MOST) &&
         area->end - area->start >= SMALL;
}

void protect_note(const struct area *area, uint64_t begin, uint64_t end) {
  struct table *table = protect.next;
  struct range *last = table->count ? &table->ranges[table->count - 1] : 0;
  if (!may_be_protected(area))
    return;
  if (!last || last->begin < area->start || last->end > begin)
    last = add_range(table, area, begin);
  if (!last || (end - last->end) / PAGE > PAGES - table->used)
    return;
  bool bridged = (begin - last->end) / PAGE <= BRIDGED;
  for (uint64_t page = last->end; page < end; page += PAGE)
    table->pages[table->used++] = page >= begin || bridged ? PROTECTED : OPEN;
  last->end = end;
}

static void mark_open(struct table *table, uint64_t begin, uint64_t end) {
  begin = page_down(begin);
  end = page_up(end);
  for (const struct range *range = range_from(table, begin);
       range && range->begin < end; range = range_after(table, range))
    for (uint64_t page = begin > range->begin ? begin : range->begin;
         page < end && page < range->end; page += PAGE)
      atomic_store(state_of(range, page), OPEN);
}

void protect_touch(uint64_t begin, uint64_t end) {
  struct table *now = atomic_load(&protect.now);
  if (now)
    mark_open(now, begin, end);
}

int protect_each_written(uint64_t begin, uint64_t end, dirty_visit *visit,
                         void *context) {
  const struct table *table = atomic_load(&protect.now);
  int answer = 0;
  if (!protect.known || !table)
    return visit(DIRTY_PAGES, begin, end, context);
  for (uint64_t at = begin, to; at < end && answer == 0; at = to) {
    const struct range *range = range_from(table, at);
    if (!range || range->begin > at) {
      to = range && range->begin < end ? range->begin : end;
      answer = visit(DIRTY_PAGES, at, to, context);
      continue;
    }
    to = run_end(range, at, end < range->end ? end : range->end);
    if (atomic_load(state_of(range, at)) != PROTECTED)
      answer = visit(DIRTY_PAGES, at, to, context);
  }
  return answer;
}

/* ---- what is not protected ---- */

#define STACK_AROUND (256ull << 10)
/* Around the thread pointer: libc's thread block, with what the kernel writes.
 */
#define TLS_BELOW (64ull << 10)
#define TLS_ABOVE (8ull << 10)

static void keep_open(uint64_t begin, uint64_t end) {
  if (begin < end)
    mark_open(protect.next, begin, end);
}

static void keep_stack_open(uint64_t sp) {
  const struct range *range = range_from(protect.next, sp);
  if (range && range->begin <= sp + PAGE &&
      range->end - range->begin <= STACK_MOST)
    keep_open(range->begin, range->end);
  else
    keep_open(sp > STACK_AROUND ? sp - STACK_AROUND : 0, sp + STACK_AROUND);
}

static void keep_thread_open(const struct parked *thread) {
  const ucontext_t *context = thread->context;
  const stack_t *other = &context->uc_stack;
  keep_stack_open(arch_context_sp(context));
  keep_stack_open((uint64_t)context);
  /* Of a thread on its alternate stack, the one that libc gave it. */
  keep_stack_open(thread->fs_base);
  keep_open((uint64_t)other->ss_sp, (uint64_t)other->ss_sp + other->ss_size);
  keep_open(thread->fs_base - TLS_BELOW, thread->fs_base + TLS_ABOVE);
  keep_open(thread->clear_tid, thread->clear_tid + 4);
  protect_calls_robust(thread->robust_list, keep_open);
  protect_calls_interrupted(arch_context_sp(context), keep_open);
  if (arch_context_at_syscall(context)) {
    struct arch_call call = {.number = (uint64_t)arch_context_result(context)};
    for (unsigned i = 0; i < 6; i++)
      call.arguments[i] = arch_context_argument(context, i);
    protect_calls_fill(&call, keep_open);
  }
}

static void protect_range(const struct range *range) {
  for (uint64_t at = range->begin, to; at < range->end; at = to) {
    to = run_end(range, at, range->end);
    if (atomic_load(state_of(range, at)) != PROTECTED ||
        set_protection(range, at, to, false) == 0)
      continue;
    for (uint64_t page = at; page < to; page += PAGE)
      atomic_store(state_of(range, page), OPEN);
  }
}

void protect_set(const struct parked *threads, unsigned count) {
  struct table *table = protect.next;
  keep_open((uint64_t)own_begin, (uint64_t)own_end);
  for (unsigned i = 0; i < count; i++) {
    keep_thread_open(&threads[i]);
    arch_context_unblock(threads[i].context, SIGSEGV);
  }
  for (unsigned i = 0; i < SWITCHED; i++) {
    uint64_t sp = atomic_load(&protect.switched[i]);
    keep_open(sp - FRAMES, sp + FRAMES);
  }
  for (uint32_t i = 0; i < table->count; i++)
    protect_range(&table->ranges[i]);
  atomic_store(&protect.faults, 0);
  atomic_store(&protect.now, table);
  atomic_store(&protect.on, true);
  /* Who has had memory opened for a call has it done again. */
  atomic_fetch_add(&arch_call_epoch, 1);
}

/* ---- other processes ---- */

void protect_end(void) {
  const struct table *table = atomic_load(&protect.now);
  for (uint32_t i = 0; protect.on && i < table->count; i++)
    open_part(&table->ranges[i], table->ranges[i].begin, table->ranges[i].end,
              OPEN, false);
  protect_forget();
}

void protect_forget(void) { memset(&protect, 0, sizeof protect); }
