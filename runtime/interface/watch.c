/* watch.c - the monitor of watched variables: a write is a checkpoint event.
 *
 * A variable that fits into the debug registers that are left is watched by
 * hardware: whoever writes to it, through whatever pointer, is seen. Of others,
 * and where the system has no hardware breakpoints for us, the writes are seen
 * that the compiler saw and put a check behind. What the kernel writes for a
 * call is seen by the check behind the call.
 *
 * Invariant: a write is reported by hardware or by its check, not by both.
 */
#include "watch.h"

#include "../error.h"
#include "../support/live.h"
#include "breakpoints.h"
#include "monitor.h"
#include "watch_range.h"

#include <stdatomic.h>
#include <string.h>

#define WATCHED HWCKPT_WATCHED_MAX
#define NAME 64
/* A variable that is longer is not compared around calls: each call counts. */
#define COMPARED 4096

static struct watched {
  _Atomic uint64_t address; /* 0: free */
  uint64_t length;
  char name[NAME];
  _Atomic uint32_t gone; /* to be forgotten by the next start */
  _Atomic uint32_t hardware;
  _Atomic uint32_t hits; /* by hardware */
} watched[WATCHED];

/* In an event's detail, beside the index of the variable. */
#define SEEN_BY_CHECK 0x80000000u

/* Variables there is no room for, and the first of them. */
static _Atomic uint32_t left_out;
static char first_left_out[NAME];

/* What was said already. */
static LIVE struct {
  bool left_out, no_breakpoints;
} said;

static void leave_out(const struct hwckpt_watched *entry) {
  if (!atomic_load(&left_out))
    hwckpt_format(first_left_out, sizeof first_left_out, "%s", entry->name);
  atomic_fetch_add(&left_out, 1);
}

bool watch_module(const struct hwckpt_module *module) {
  bool any = false;
  for (const struct hwckpt_watched *entry = module->watched.begin;
       entry < module->watched.end; entry++) {
    if (!entry->length)
      continue;
    struct watched *free = watched;
    while (free < watched + WATCHED && atomic_load(&free->address))
      free++;
    if (free == watched + WATCHED) {
      leave_out(entry);
      any = true;
      continue;
    }
    free->length = entry->length;
    hwckpt_format(free->name, sizeof free->name, "%s", entry->name);
    atomic_store(&free->gone, 0);
    atomic_store(&free->hardware, 0);
    atomic_store(&free->address, (uint64_t)entry->address);
    any = true;
  }
  return any;
}

bool watch_forget_module(const struct hwckpt_module *module) {
  bool any = false;
  for (const struct hwckpt_watched *entry = module->watched.begin;
       entry < module->watched.end; entry++)
    for (struct watched *w = watched; w < watched + WATCHED; w++)
      if (atomic_load(&w->address) == (uint64_t)entry->address) {
        atomic_store(&w->gone, 1);
        any = true;
      }
  return any;
}

static bool wanted(void) {
  for (const struct watched *w = watched; w < watched + WATCHED; w++)
    if (atomic_load(&w->address))
      return true;
  return false;
}

static void say_left_out(void) {
  struct hwckpt_error error;
  uint32_t count = atomic_load(&left_out);
  if (!count || said.left_out)
    return;
  said.left_out = true;
  hwckpt_fail(&error, HWCKPT_E_WATCH_TOO_MANY, 0, first_left_out,
              "%u variables are not watched, this is the first; the most is %u",
              count, WATCHED);
  events_say(&error);
}

static void say_no_breakpoints(const struct watched *w, int error_number) {
  struct hwckpt_error error;
  if (said.no_breakpoints)
    return;
  said.no_breakpoints = true;
  hwckpt_fail(&error, HWCKPT_E_WATCH_BREAKPOINTS, error_number, w->name,
              "perf_event_open");
  events_say(&error);
}

/* By hardware, if it fits and the system lets us. */
static void set_breakpoints(struct watched *w) {
  int set = breakpoints_set(BREAKPOINTS_OF_VARIABLES, atomic_load(&w->address),
                            w->length);
  if (set < 0)
    say_no_breakpoints(w, -set);
  else
    atomic_store(&w->hardware, (uint32_t)set);
}

static void start(const struct hwckpt_options *options) {
  for (struct watched *w = watched; w < watched + WATCHED; w++) {
    uint64_t address = atomic_load(&w->address);
    if (address && atomic_load(&w->gone)) {
      breakpoints_clear(BREAKPOINTS_OF_VARIABLES, address, w->length);
      atomic_store(&w->address, 0);
    }
  }
  for (struct watched *w = watched; w < watched + WATCHED; w++) {
    uint64_t address = atomic_load(&w->address);
    if (address && options->debug_registers && !atomic_load(&w->hardware))
      set_breakpoints(w);
  }
  say_left_out();
}

static void forget(void) {
  for (struct watched *w = watched; w < watched + WATCHED; w++)
    atomic_store(&w->hardware, 0);
  breakpoints_forget();
  memset(&said, 0, sizeof said);
}

/* The variable that holds the address, or null. */
static struct watched *find(uint64_t address) {
  for (struct watched *w = watched; w < watched + WATCHED; w++) {
    uint64_t begin = atomic_load(&w->address);
    if (begin && address - begin < w->length && !atomic_load(&w->gone))
      return w;
  }
  return 0;
}

static void report(const struct watched *w, uint32_t how) {
  events_request(Event_EVENT_WATCH, (uint32_t)(w - watched) | how);
}

void watch_written(uint64_t address) {
  struct watched *w = find(address);
  if (w && atomic_load(&w->hardware)) {
    atomic_fetch_add(&w->hits, 1);
    report(w, 0);
  }
}

static bool trap(const siginfo_t *info) {
  uint64_t address;
  if (!breakpoints_hit(info, &address))
    return false;
  watch_written(address);
  return true;
}

static void describe(uint32_t detail, char *text, size_t size) {
  if (watch_range_describe(detail, text, size))
    return;
  const struct watched *w = &watched[detail & ~SEEN_BY_CHECK];
  hwckpt_format(text, size, "%s (%llu bytes at 0x%llx), seen by %s", w->name,
                (unsigned long long)w->length,
                (unsigned long long)atomic_load(&w->address),
                detail & SEEN_BY_CHECK ? "a check" : "a debug register");
}

const struct monitor watch_monitor = {
    .name = "watch",
    .event = Event_EVENT_WATCH,
    .wanted = wanted,
    .start = start,
    .trap = trap,
    .describe = describe,
    .forget = forget,
};

/* ---- the compiler's checks, on the program's threads ---- */

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void __hwckpt_watch_written(const void *variable) {
  const struct watched *w = find((uint64_t)variable);
  if (w && !atomic_load(&w->hardware))
    report(w, SEEN_BY_CHECK);
}

/* FNV-1a over words. */
static uint32_t sum(const struct watched *w) {
  const unsigned char *bytes = (const unsigned char *)atomic_load(&w->address);
  uint64_t value = 14695981039346656037u, word;
  for (uint64_t at = 0, step; at < w->length; at += step) {
    step = w->length - at < sizeof word ? w->length - at : sizeof word;
    word = 0;
    memcpy(&word, bytes + at, step);
    value = (value ^ word) * 1099511628211u;
    value ^= value >> 32;
  }
  return (uint32_t)value;
}

/* What the variable holds, and how often hardware has seen it written. */
EXPORTED unsigned long __hwckpt_watch_before(const void *variable) {
  const struct watched *w = find((uint64_t)variable);
  if (!w || w->length > COMPARED)
    return 0;
  return (unsigned long)atomic_load(&w->hits) << 32 | sum(w);
}

EXPORTED void __hwckpt_watch_after(const void *variable, unsigned long before) {
  const struct watched *w = find((uint64_t)variable);
  if (!w)
    return;
  bool seen = atomic_load(&w->hits) != (uint32_t)(before >> 32);
  if (w->length > COMPARED || (!seen && sum(w) != (uint32_t)before))
    report(w, SEEN_BY_CHECK);
}
