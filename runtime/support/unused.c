/* unused.c - see unused.h. */
#include "unused.h"

#include "../arch/arch.h"
#include "private.h"

#include <sys/mman.h>

#define PAGE 4096ull

/* Chunks that are looked at: a few hundred microseconds at most. */
#define CHUNKS_LIVE 1024u
#define CHUNKS_STOPPED 4096u

int unused_open(struct unused *unused, enum unused_kinds kinds,
                struct hwckpt_error *error) {
  unused->kinds = kinds;
  if (kinds == UNUSED_NOTHING)
    return 0;
  unused->now = private_map(sizeof *unused->now);
  unused->before = private_map(sizeof *unused->before);
  if (unused->now && unused->before)
    return 0;
  private_unmap(unused->now, sizeof *unused->now);
  private_unmap(unused->before, sizeof *unused->before);
  return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, 12, "unused memory", "");
}

void unused_begin(struct unused *unused) {
  if (unused->now)
    unused->now->count = unused->before->count = 0;
  unused->guesses = 0;
}

/* ---- a list ---- */

static void add(uint64_t begin, uint64_t end, void *context) {
  struct unused_list *list = context;
  if (list->count < UNUSED_RANGES)
    list->ranges[list->count++] = (struct unused_range){begin, end};
}

static void sift(struct unused_range *ranges, unsigned at, unsigned count) {
  for (unsigned child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && ranges[child].begin < ranges[child + 1].begin)
      child++;
    if (ranges[at].begin >= ranges[child].begin)
      return;
    struct unused_range other = ranges[at];
    ranges[at] = ranges[child];
    ranges[child] = other;
  }
}

static void sort(struct unused_list *list) {
  struct unused_range *ranges = list->ranges;
  for (unsigned i = list->count / 2; i > 0; i--)
    sift(ranges, i - 1, list->count);
  for (unsigned end = list->count; end > 1; end--) {
    struct unused_range highest = ranges[0];
    ranges[0] = ranges[end - 1];
    ranges[end - 1] = highest;
    sift(ranges, 0, end - 1);
  }
}

/* The first range that ends above the address. */
static unsigned first_above(const struct unused_list *list, uint64_t address) {
  unsigned low = 0, high = list->count;
  while (low < high) {
    unsigned middle = low + (high - low) / 2;
    if (list->ranges[middle].end > address)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static bool list_in(const struct unused_list *list, uint64_t begin,
                    uint64_t end, uint64_t *from, uint64_t *to) {
  unsigned i = first_above(list, begin);
  if (begin >= end || i == list->count || list->ranges[i].begin >= end)
    return false;
  *from = list->ranges[i].begin > begin ? list->ranges[i].begin : begin;
  *to = list->ranges[i].end < end ? list->ranges[i].end : end;
  return true;
}

bool unused_in(const struct unused *unused, const struct area *area,
               uint64_t begin, uint64_t end, uint64_t *from, uint64_t *to) {
  return unused->now && unused->now->count &&
         area->type == AREA_TYPE_ANONYMOUS &&
         list_in(unused->now, begin, end, from, to);
}

/* ---- looking ---- */

static void begin_anew(struct unused *unused) {
  struct unused_list *before = unused->now;
  unused->guesses++;
  unused->now = unused->before;
  unused->before = before;
  unused->now->count = 0;
}

/* Visits what is in the one list and not in the other. */
static void
each_besides(const struct unused_list *list, const struct unused_list *other,
             void (*visit)(uint64_t begin, uint64_t end, void *context),
             void *context) {
  for (unsigned i = 0; i < list->count; i++) {
    uint64_t at = list->ranges[i].begin, end = list->ranges[i].end, from, to;
    for (; list_in(other, at, end, &from, &to); at = to)
      if (at < from)
        visit(at, from, context);
    if (at < end)
      visit(at, end, context);
  }
}

static void miss(uint64_t begin, uint64_t end, void *dirty) {
  dirty_missed(dirty, begin, end);
}

/* What was left out and is not unused any more counts as written. */
static void take_back(struct unused *unused, struct dirty *dirty) {
  sort(unused->now);
  each_besides(unused->before, unused->now, miss, dirty);
}

void unused_guess(struct unused *unused, struct dirty *dirty,
                  const struct memory_map *map) {
  if (!unused->now)
    return;
  struct freed_look look = {
      .map = map, .live = true, .chunks = CHUNKS_LIVE, .visit = add};
  begin_anew(unused);
  look.context = unused->now;
  freed_search(&unused->freed, map);
  freed_look(&unused->freed, &look);
  take_back(unused, dirty);
}

void unused_each_copied(const struct unused *unused,
                        void (*visit)(uint64_t begin, uint64_t end,
                                      void *context),
                        void *context) {
  if (unused->guesses > 1)
    each_besides(unused->now, unused->before, visit, context);
}

void unused_expect(struct unused *unused, struct memory_map *map) {
  if (unused->now && freed_is_missing(&unused->freed) &&
      memory_map_glance(map, 0) == 0)
    freed_search(&unused->freed, map);
}

/* ---- stacks ---- */

/* Below its frame the thread itself goes on: in our handler, and while it is
 * being restored. */
#define STACK_KEPT (4 * PAGE)

/* A stack that libc made, or the first thread's: nothing else is in its area
 * below what the thread uses. */
static bool is_stack_of(const struct memory_map *map, const struct area *area,
                        const struct parked *thread) {
  const struct area *below = area > map->areas ? area - 1 : 0;
  if (area->type != AREA_TYPE_ANONYMOUS)
    return false;
  if (area->grows_down)
    return true;
  return below && below->end == area->start && !below->protection &&
         thread->fs_base >= area->start && thread->fs_base < area->end;
}

/* A handler's stack of the program's own may lie in another stack. */
static bool is_on_alternate(const ucontext_t *context, uint64_t sp) {
  return sp - (uint64_t)context->uc_stack.ss_sp < context->uc_stack.ss_size;
}

static void find_stack(struct unused_list *list, const struct memory_map *map,
                       const struct parked *thread) {
  uint64_t sp = arch_context_sp(thread->context);
  uint64_t frame = (uint64_t)thread->context;
  const struct area *area = memory_map_at(map, sp);
  if (!area || !is_stack_of(map, area, thread) ||
      is_on_alternate(thread->context, sp))
    return;
  uint64_t end = frame >= area->start && frame < sp ? frame : sp;
  end = (end - STACK_KEPT) & ~(PAGE - 1);
  if (end > area->start && end < area->end)
    add(area->start, end, list);
}

/* Two threads in one area: there is more in it than a stack. */
static void leave_shared(struct unused_list *list) {
  unsigned kept = 0;
  for (unsigned i = 0, next; i < list->count; i = next) {
    for (next = i + 1; next < list->count &&
                       list->ranges[next].begin == list->ranges[i].begin;)
      next++;
    if (next == i + 1)
      list->ranges[kept++] = list->ranges[i];
  }
  list->count = kept;
}

void unused_find(struct unused *unused, struct dirty *dirty,
                 const struct memory_map *map, const struct parked *threads,
                 unsigned count) {
  if (!unused->now)
    return;
  begin_anew(unused);
  struct freed_look look = {.map = map,
                            .chunks = CHUNKS_STOPPED,
                            .visit = add,
                            .context = unused->now};
  if (unused->kinds == UNUSED_HEAP_STACK) {
    for (unsigned i = 0; i < count; i++)
      find_stack(unused->now, map, &threads[i]);
    sort(unused->now);
    leave_shared(unused->now);
  }
  unsigned stacks = unused->now->count;
  if (!unused->freed.arena || freed_is_busy(map, threads, count) ||
      !freed_look(&unused->freed, &look))
    unused->now->count = stacks;
  take_back(unused, dirty);
}
