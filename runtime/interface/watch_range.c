/* watch_range.c - the monitor of memory that rules and the program have
 * watched; see watch_range.h.
 *
 * Invariant: `set` tells which debug registers there are, whatever a rollback
 * makes of the slots.
 */
#include "watch_range.h"

#include "watch_calls.h"
#include "watch_pages.h"

#include "../arch/sys.h"
#include "../support/calls.h"
#include "../support/live.h"
#include "../support/memory_map.h"
#include "../support/protect.h"
#include "breakpoints.h"
#include "cut.h"
#include "monitor.h"
#include "program_symbol.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* Those of slots that debug registers watch; length 0: of none. */
static LIVE struct {
  uint64_t address, length;
} set[WATCH_SLOTS];
static LIVE uint64_t refused; /* bit per slot: it was said why not */
static LIVE bool told_of_calls;
static bool told; /* of calls; the code is the program's, and so is this */

/* Also what is to be given up, or was rolled back. */
static bool wanted(void) {
  for (unsigned i = 0; i < WATCH_SLOTS; i++)
    if (atomic_load(&watch_state.ranges[i].address) || set[i].length)
      return true;
  return monitors_next_rule(&kind_watch, 0) != 0;
}

/* The rule of a slot; null: the program's own call. */
static const struct rule *rule_of(unsigned slot) {
  return slot < WATCH_RULES ? &monitors_rules()->rule[slot] : 0;
}

/* ---- refusals, each said once ---- */

/* False: it was given up meanwhile. */
static bool refuse_call(struct watch_range *range, int result) {
  uint32_t call = CALL_NEW;
  range->result = result;
  if (atomic_compare_exchange_strong(&range->call, &call, CALL_REFUSED))
    return true;
  return call == CALL_WATCHED &&
         atomic_compare_exchange_strong(&range->call, &call, CALL_FREE);
}

static void refuse(unsigned slot, enum hwckpt_code code, long number,
                   const char *what) {
  struct hwckpt_error error;
  const struct rule *rule = rule_of(slot);
  struct watch_range *range = &watch_state.ranges[slot];
  char call[64];
  hwckpt_format(call, sizeof call, "hwckpt_watch(0x%llx, %llu)",
                (unsigned long long)atomic_load(&range->address),
                (unsigned long long)range->length);
  atomic_store(&range->address, 0);
  if (!rule) {
    if (!refuse_call(range,
                     code == HWCKPT_E_WATCH_UNMAPPED ? -EFAULT : -ENOTSUP))
      return;
  } else if (refused >> slot & 1) {
    return;
  } else {
    refused |= 1ull << slot;
  }
  hwckpt_fail(&error, code, (int)-number, rule ? rule->text : call, "%s", what);
  events_say(&error);
}

static const char *symbol_trouble(int result) {
  switch (result) {
  case -ENOENT:
    return "its file has no such variable";
  case -ENOTUNIQ:
    return "several variables of single source files are called so";
  case -EINVAL:
    return "it is no variable, thread-local, or of no known length";
  default:
    return "its file cannot be read";
  }
}

/* ---- ranges of rules ---- */

/* The first of several processes has it, or says that it has not: the others
 * are perhaps other programs. */
static bool is_first(void) { return !cut_is_there() || cut_is_root(); }

static void find_range(const struct rule *rule) {
  unsigned slot = monitors_index(rule);
  struct watch_range *range = &watch_state.ranges[slot];
  uint64_t address = rule->value, length = rule->second, whole;
  if (atomic_load(&range->address) || refused >> slot & 1)
    return;
  if (*rule->name) {
    int result = program_symbol(rule->name, &address, &whole);
    if (result < 0 && is_first())
      refuse(slot, HWCKPT_E_WATCH_SYMBOL,
             result == -ENOENT || result == -EINVAL || result == -ENOTUNIQ
                 ? 0
                 : result,
             symbol_trouble(result));
    if (result < 0)
      return;
    length = length ? length : whole;
  }
  range->length = length;
  range->asked = rule->word;
  atomic_store(&range->how, WATCH_BY_NOTHING);
  atomic_store(&range->address, address);
}

static bool is_mapped(const struct memory_map *map, uint64_t begin,
                      uint64_t end) {
  while (begin < end) {
    const struct area *area = memory_map_at(map, begin);
    if (!area)
      return false;
    begin = area->end;
  }
  return true;
}

/* Those that nobody watches yet. */
static uint64_t unwatched(void) {
  uint64_t slots = 0;
  for (unsigned i = 0; i < WATCH_SLOTS; i++)
    if (atomic_load(&watch_state.ranges[i].how) == WATCH_BY_NOTHING)
      slots |= 1ull << i;
  return slots;
}

static void check_mapped(uint64_t slots) {
  struct memory_map map;
  if (memory_map_open(&map, 0) < 0)
    return;
  if (memory_map_glance(&map, 0) == 0)
    for (unsigned i = 0; i < WATCH_SLOTS; i++) {
      const struct watch_range *range = &watch_state.ranges[i];
      uint64_t address = atomic_load(&range->address);
      if (slots >> i & 1 && address &&
          !is_mapped(&map, address, address + range->length))
        refuse(i, HWCKPT_E_WATCH_UNMAPPED, 0, "");
    }
  memory_map_close(&map);
}

/* ---- debug registers ---- */

static void clear_breakpoints(unsigned slot) {
  if (set[slot].length)
    breakpoints_clear(BREAKPOINTS_OF_RANGES, set[slot].address,
                      set[slot].length);
  set[slot].length = 0;
}

static bool is_by_pages(const struct watch_range *range) {
  return atomic_load(&range->address) &&
         atomic_load(&range->how) >= WATCH_TO_PAGES;
}

/* By debug registers, else by protection of pages. */
static void set_breakpoints(unsigned slot, bool allowed) {
  struct watch_range *range = &watch_state.ranges[slot];
  uint64_t address = atomic_load(&range->address);
  bool fits = allowed && !(range->asked & (WATCH_BEFORE | WATCH_PAGES));
  if (set[slot].length) /* since before a rollback, too */
    atomic_store(&range->how, WATCH_BY_REGISTERS);
  if (set[slot].length || is_by_pages(range))
    return;
  int result =
      fits ? breakpoints_set(BREAKPOINTS_OF_RANGES, address, range->length) : 0;
  if (result > 0) {
    set[slot].address = address;
    set[slot].length = range->length;
    atomic_store(&range->how, WATCH_BY_REGISTERS);
  } else if (range->asked & WATCH_REGISTERS) {
    refuse(slot, HWCKPT_E_WATCH_NO_REGISTER, result,
           result    ? "perf_event_open"
           : allowed ? ""
                     : "debug_registers=0");
  } else {
    atomic_store(&range->how, WATCH_TO_PAGES);
  }
}

/* All that are not watched by registers. */
static void protect_pages(void) {
  struct hwckpt_error error = {0};
  bool any = false;
  for (unsigned i = 0; i < WATCH_SLOTS; i++)
    any |= is_by_pages(&watch_state.ranges[i]);
  if (!any)
    return;
  /* Calls of the program would fail. */
  if (!told || protect_is_on()) {
    for (unsigned i = 0; i < WATCH_SLOTS; i++)
      if (is_by_pages(&watch_state.ranges[i]))
        refuse(i, HWCKPT_E_WATCH_PAGES, 0,
               told ? "track=mprotect protects memory itself"
                    : "its system calls are not seen");
    return;
  }
  uint64_t slots = watch_pages_protect(&error);
  if (error.code)
    events_say(&error);
  if (slots && !error.code)
    check_mapped(slots); /* unmapped while it was watched */
  for (unsigned i = 0; i < WATCH_SLOTS && !error.code; i++)
    if (slots >> i & 1 && atomic_load(&watch_state.ranges[i].address))
      refuse(i, HWCKPT_E_WATCH_PAGES, 0, "");
}

/* Of slots that are not any more, or are other memory. */
static void clear_old(void) {
  for (unsigned i = 0; i < WATCH_SLOTS; i++) {
    const struct watch_range *range = &watch_state.ranges[i];
    if (set[i].length && (set[i].address != atomic_load(&range->address) ||
                          set[i].length != range->length))
      clear_breakpoints(i);
  }
}

/* ---- slots of calls ---- */

/* What pages watch is given up while all threads stand. */
static void begin_calls(void) {
  for (unsigned i = WATCH_RULES; i < WATCH_SLOTS; i++) {
    struct watch_range *range = &watch_state.ranges[i];
    if (atomic_load(&range->call) == CALL_GONE &&
        atomic_load(&range->how) != WATCH_BY_PAGES)
      atomic_store(&range->address, 0);
  }
}

static void end_calls(void) {
  for (unsigned i = WATCH_RULES; i < WATCH_SLOTS; i++) {
    struct watch_range *range = &watch_state.ranges[i];
    bool there = atomic_load(&range->address) != 0;
    uint32_t call = there ? CALL_NEW : CALL_GONE;
    if (!there || atomic_load(&range->how) != WATCH_BY_NOTHING)
      atomic_compare_exchange_strong(&range->call, &call,
                                     there ? CALL_WATCHED : CALL_FREE);
  }
}

/* ---- the monitor ---- */

/* What all ranges are within. */
static void find_bounds(void) {
  uint64_t low = UINT64_MAX, high = 0;
  for (unsigned i = 0; i < WATCH_SLOTS; i++) {
    const struct watch_range *range = &watch_state.ranges[i];
    uint64_t begin = atomic_load(&range->address);
    if (!begin)
      continue;
    low = begin < low ? begin : low;
    high = begin + range->length > high ? begin + range->length : high;
  }
  atomic_store(&watch_state.low, high ? low : 0);
  atomic_store(&watch_state.high, high);
}

static void listen_to_calls(void) {
  atomic_store(&calls_listeners[CALLS_WATCH], watch_calls_before);
  atomic_store(&calls_again, watch_calls_want);
  if (told)
    return;
  calls_want(watch_calls_want);
  int failed = calls_change_now();
  told = !failed;
  if (failed && !told_of_calls) {
    struct hwckpt_error error;
    told_of_calls = true;
    hwckpt_fail(&error, HWCKPT_E_WATCH_CALLS, -failed, "libc",
                "it is not understood, or cannot be changed");
    events_say(&error);
  }
}

static void start(const struct hwckpt_options *options) {
  const struct rule *rule = 0;
  if (!wanted())
    return;
  atomic_store(&watch_state.pid, (int)SYS(getpid));
  watch_state.word = events_word(&watch_state.bit);
  while ((rule = monitors_next_rule(&kind_watch, rule)))
    find_range(rule);
  begin_calls();
  check_mapped(unwatched());
  clear_old();
  for (unsigned i = 0; i < WATCH_SLOTS; i++)
    if (atomic_load(&watch_state.ranges[i].address))
      set_breakpoints(i, options->debug_registers);
  find_bounds();
  if (atomic_load(&watch_state.high))
    listen_to_calls();
  protect_pages();
  find_bounds(); /* until then calls opened what is given up */
  end_calls();
}

/* Details of calls follow those of rules. */
static void fire(unsigned slot, enum watch_seer seer) {
  uint32_t call = atomic_load(&watch_state.ranges[slot].call);
  if (slot < WATCH_RULES)
    monitors_fire(rule_of(slot), seer);
  else if (call == CALL_WATCHED || call == CALL_NEW)
    events_request(Event_EVENT_WATCH, (slot + 1) << 24 | seer);
}

static void fire_all(enum watch_seer seer, uint64_t slots) {
  for (; slots; slots &= slots - 1)
    fire((unsigned)__builtin_ctzll(slots), seer);
}

/* What the program's threads have seen. */
static uint64_t due(uint64_t now_ns) {
  bool lost;
  uint64_t next = watch_calls_look(now_ns);
  uint64_t again = watch_pages_look(now_ns, &lost);
  next = again < next ? again : next;
  if (lost)
    protect_pages();
  for (unsigned seer = 0; seer < WATCH_SEERS; seer++)
    fire_all((enum watch_seer)seer,
             atomic_exchange(&watch_state.fired[seer], 0));
  return next;
}

/* Another thread may have asked for this one too, before it waited. */
void watch_range_ask(void) {
  uint64_t slots = atomic_exchange(&watch_state.waiting, 0);
  fire_all((enum watch_seer)atomic_load(&watch_state.waiting_seer),
           slots ? slots : 1ull << atomic_load(&watch_state.last_waiting));
}

/* The monitor of variables may have one there too. */
static bool trap(const siginfo_t *info) {
  uint64_t address;
  if (!breakpoints_hit(info, &address))
    return false;
  for (unsigned i = 0; i < WATCH_SLOTS; i++) {
    const struct watch_range *range = &watch_state.ranges[i];
    uint64_t begin = atomic_load(&range->address);
    if (begin && address - begin < range->length &&
        atomic_load(&range->how) == WATCH_BY_REGISTERS)
      fire(i, SEEN_BY_REGISTER);
  }
  return false;
}

static void begun(void) { watch_calls_begun(); }

static void ended(const struct outcome *outcome) {
  if (!outcome->result)
    watch_pages_not_taken();
}

bool watch_range_describe(uint32_t detail, char *text, size_t size) {
  static const char *const seers[WATCH_SEERS] = {
      [SEEN_BY_REGISTER] = "a debug register",
      [SEEN_BY_CALL] = "a system call",
      [SEEN_BY_PAGE] = "the protection of its page",
  };
  const struct rule *rule = monitors_rule_of(detail);
  uint32_t slot = (detail >> 24) - 1;
  bool is_call = slot >= WATCH_RULES && slot < WATCH_SLOTS;
  if (!is_call && (!rule || rule->kind != &kind_watch))
    return false;
  const struct watch_range *range = &watch_state.ranges[slot];
  hwckpt_format(text, size, "%s (%llu bytes at 0x%llx), seen by %s",
                is_call ? "hwckpt_watch()" : rule->text,
                (unsigned long long)range->length,
                (unsigned long long)atomic_load(&range->address),
                seers[MONITORS_EXTRA(detail) % WATCH_SEERS]);
  return true;
}

static void forget(void) {
  atomic_store(&calls_listeners[CALLS_WATCH], 0);
  atomic_store(&calls_again, 0);
  watch_calls_forget();
  watch_pages_forget();
  memset(set, 0, sizeof set);
  refused = 0;
  told_of_calls = false;
  for (unsigned i = 0; i < WATCH_SLOTS; i++) {
    struct watch_range *range = &watch_state.ranges[i];
    atomic_store(&range->how, WATCH_BY_NOTHING);
    if (i < WATCH_RULES)
      atomic_store(&range->address, 0);
  }
}

const struct monitor range_monitor = {
    .name = "range",
    .event = Event_EVENT_WATCH,
    .wanted = wanted,
    .start = start,
    .trap = trap,
    .due = due,
    .begun = begun,
    .ended = ended,
    .forget = forget,
};
