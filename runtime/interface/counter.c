/* counter.c - the monitor of perf events: hardware counters, and the kernel's
 * own.
 *
 * One perf event for each thread that is there, inherited by those born later
 * (perf_event_open(2): inherit, inherit_thread); each counts for itself. When
 * one has counted so many the kernel sends a signal - to the watcher, which
 * blocks it and reads it (F_SETOWN_EX): threads of the program never see one.
 * Then all of the rule are still until a checkpoint was taken.
 *
 * What the processor has no counter for differs from what it has by the name
 * alone.
 */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/quiesce.h"
#include "../support/task.h"
#include "monitor.h"
#include "rule_counters.h"
#include "watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#define DESCRIPTORS                                                            \
  4096 /* of all rules: threads that are there at the start                    \
        */

static LIVE struct {
  _Atomic uint32_t count;
  struct {
    const struct rule *rule;
    int descriptor;
  } opened[DESCRIPTORS];
  _Atomic uint32_t started[RULES_MAX]; /* or refused, and said */
  _Atomic uint32_t still[RULES_MAX];   /* until the next checkpoint */
} counters;

static const struct rule *first_rule(void) {
  const struct rules *rules = monitors_rules();
  return rules->count ? rules->rule : 0;
}

/* The next that is one of ours, from this on. */
static const struct rule *next_rule(const struct rule *rule) {
  const struct rules *rules = monitors_rules();
  for (; rule && rule < rules->rule + rules->count; rule++)
    if (rule->kind->event == Event_EVENT_COUNTER)
      return rule;
  return 0;
}

static bool wanted(void) { return next_rule(first_rule()) != 0; }

/* ---- opening ---- */

/* The number of a tracepoint; a negative errno: there is none, or tracefs is
 * not to be read. */
static long tracepoint(const char *name) {
  static const char *const places[] = {"/sys/kernel/tracing",
                                       "/sys/kernel/debug/tracing"};
  char path[RULE_TEXT + 64], text[24];
  long file = -ENOENT;
  size_t colon = 0;
  while (name[colon] != ':')
    colon++;
  for (unsigned i = 0; i < 2 && file < 0; i++) {
    hwckpt_format(path, sizeof path, "%s/events/%.*s/%s/id", places[i],
                  (int)colon, name, name + colon + 1);
    file = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  }
  if (file < 0)
    return file;
  long length = SYS(read, file, text, sizeof text), number = 0;
  SYS(close, file);
  for (long i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++)
    number = number * 10 + (text[i] - '0');
  return number ? number : -ENOENT;
}

static const char *tracepoint_refused(void) {
  return SYS(faccessat, AT_FDCWD, "/sys/kernel/tracing/events", F_OK) == 0 ||
                 SYS(faccessat, AT_FDCWD, "/sys/kernel/debug/tracing/events",
                     F_OK) == 0
             ? "no such tracepoint is seen in /sys/kernel/tracing"
             : "tracefs is not mounted, or not readable, at "
               "/sys/kernel/tracing";
}

static long open_event(const struct rule *rule, const struct counter *counter,
                       int tid) {
  struct perf_event_attr attributes;
  enum counter_kernel kernel = counter_kernel(counter);
  counter_attributes(counter, rule->value, kernel != KERNEL_NOT, &attributes);
  long result =
      SYS(perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (result != -EACCES || kernel != KERNEL_WHERE_PERMITTED)
    return result;
  attributes.exclude_kernel = 1;
  return SYS(perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

struct opening {
  const struct rule *rule;
  struct counter counter;
  int watcher; /* its thread */
  long failed;
};

static long tell_watcher(long descriptor, int tid) {
  struct f_owner_ex owner = {F_OWNER_TID, tid};
  long failed = SYS(fcntl, descriptor, F_SETOWN_EX, &owner);
  if (failed == 0)
    failed = SYS(fcntl, descriptor, F_SETSIG, WATCHER_SIGNAL);
  if (failed == 0)
    failed = SYS(fcntl, descriptor, F_SETFL, O_ASYNC);
  return failed;
}

static void open_for_thread(int tid, void *context) {
  struct opening *opening = context;
  const struct rule *rule = opening->rule;
  uint32_t count = atomic_load(&counters.count);
  if (opening->failed || quiesce_is_runtime_thread(tid) || count == DESCRIPTORS)
    return;
  long descriptor = open_event(rule, &opening->counter, tid);
  if (descriptor == -ESRCH) /* it has ended */
    return;
  opening->failed =
      descriptor < 0 ? descriptor : tell_watcher(descriptor, opening->watcher);
  if (descriptor < 0)
    return;
  counters.opened[count].rule = rule;
  counters.opened[count].descriptor = (int)descriptor;
  atomic_store(&counters.count, count + 1);
}

static void control(const struct rule *rule, unsigned long request) {
  for (uint32_t i = 0; i < atomic_load(&counters.count); i++)
    if (counters.opened[i].rule == rule)
      SYS(ioctl, counters.opened[i].descriptor, request, 0);
}

static void close_all(const struct rule *rule) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < atomic_load(&counters.count); i++)
    if (counters.opened[i].rule == rule)
      SYS(close, counters.opened[i].descriptor);
    else
      counters.opened[kept++] = counters.opened[i];
  atomic_store(&counters.count, kept);
}

static void ready(uint32_t descriptor, uint32_t unused) {
  (void)unused;
  for (uint32_t i = 0; i < atomic_load(&counters.count); i++) {
    const struct rule *rule = counters.opened[i].rule;
    if (counters.opened[i].descriptor != (int)descriptor ||
        atomic_exchange(&counters.still[monitors_index(rule)], 1))
      continue;
    control(rule, PERF_EVENT_IOC_DISABLE);
    monitors_fire(rule, 0);
    return;
  }
}

static void start_rule(const struct rule *rule) {
  struct opening opening = {.rule = rule,
                            .counter = {rule->word, rule->second}};
  const char *what = "perf_event_open";
  opening.failed = watcher_take_signals(ready, &opening.watcher);
  if (rule->word == PERF_TYPE_TRACEPOINT) {
    long number = tracepoint(rule->name);
    opening.counter.config = (uint64_t)number;
    if (number < 0) {
      opening.failed = number;
      what = tracepoint_refused();
    }
  }
  task_each(open_for_thread, &opening);
  if (opening.failed) {
    close_all(rule);
    monitors_refuse(rule, opening.failed, what);
    return;
  }
  control(rule, PERF_EVENT_IOC_ENABLE);
}

static void start(const struct hwckpt_options *options) {
  (void)options;
  for (const struct rule *rule = first_rule(); (rule = next_rule(rule)); rule++)
    if (!atomic_exchange(&counters.started[monitors_index(rule)], 1))
      start_rule(rule);
}

static void ended(const struct outcome *outcome) {
  (void)outcome;
  for (const struct rule *rule = first_rule(); (rule = next_rule(rule)); rule++)
    if (atomic_exchange(&counters.still[monitors_index(rule)], 0))
      control(rule, PERF_EVENT_IOC_ENABLE);
}

static void forget(void) { memset(&counters, 0, sizeof counters); }

const struct monitor counter_monitor = {
    .name = "counter",
    .event = Event_EVENT_COUNTER,
    .wanted = wanted,
    .start = start,
    .ended = ended,
    .forget = forget,
};
