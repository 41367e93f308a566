/* rule_counters.c - see rule_counters.h. */
#include "rule_counters.h"

#include <string.h>

static const struct {
  const char *name;
  struct counter counter;
} named[] = {
    {"cycles", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES}},
    {"cpu-cycles", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES}},
    {"instructions", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS}},
    {"cache-references", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES}},
    {"cache-misses", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES}},
    {"branches", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS}},
    {"branch-instructions",
     {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS}},
    {"branch-misses", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES}},
    {"bus-cycles", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES}},
    {"stalled-cycles-frontend",
     {PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND}},
    {"stalled-cycles-backend",
     {PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND}},
    {"ref-cycles", {PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES}},
    {"cpu-clock", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK}},
    {"task-clock", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK}},
    {"page-faults", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS}},
    {"faults", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS}},
    {"context-switches", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES}},
    {"cs", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES}},
    {"cpu-migrations", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS}},
    {"migrations", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS}},
    {"minor-faults", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN}},
    {"major-faults", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ}},
    {"alignment-faults", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS}},
    {"emulation-faults", {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS}},
};

/* In the order of PERF_COUNT_HW_CACHE_...: which cache, what is done to it,
 * and how that ends. */
static const char *const caches[] = {"L1-dcache", "L1-icache", "LLC",  "dTLB",
                                     "iTLB",      "branch",    "node", 0};
static const char *const operations[] = {"load", "store", "prefetch", 0};
static const char *const results[] = {"s", "-misses", 0};
#define OPERATION_SHIFT 8
#define RESULT_SHIFT 16

/* Takes the longest word that the part begins with off it; -1: none. */
static int take_word(struct part *part, const char *const *words) {
  for (int i = 0; words[i]; i++)
    if (part_begins(*part, words[i])) {
      size_t length = strlen(words[i]);
      *part = (struct part){part->text + length, part->length - length};
      return i;
    }
  return -1;
}

/* As "LLC-load-misses", "L1-dcache-loads", "dTLB-stores". */
static bool find_cache(struct part name, struct counter *counter) {
  int cache = take_word(&name, caches);
  if (cache < 0 || !part_begins(name, "-"))
    return false;
  name = (struct part){name.text + 1, name.length - 1};
  int operation = take_word(&name, operations);
  int result = operation < 0 ? -1 : part_word(name, results);
  if (result < 0)
    return false;
  counter->type = PERF_TYPE_HW_CACHE;
  counter->config = (uint64_t)cache | (uint64_t)operation << OPERATION_SHIFT |
                    (uint64_t)result << RESULT_SHIFT;
  return true;
}

static int digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As "r01c2": the processor's own number, in hexadecimal digits. */
static bool find_raw(struct part name, struct counter *counter) {
  if (name.length < 2 || name.length > 17 || *name.text != 'r')
    return false;
  counter->type = PERF_TYPE_RAW;
  counter->config = 0;
  for (size_t i = 1; i < name.length; i++) {
    if (digit(name.text[i]) < 0)
      return false;
    counter->config = counter->config << 4 | (uint64_t)digit(name.text[i]);
  }
  return true;
}

static bool is_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool find_tracepoint(struct part name, struct counter *counter) {
  struct part rest = name, subsystem = part_split(&rest, ':');
  for (size_t i = 0; i < name.length; i++)
    if (!is_of_name(name.text[i]) && name.text + i != rest.text - 1)
      return false;
  *counter = (struct counter){PERF_TYPE_TRACEPOINT, 0};
  return subsystem.length > 0 && rest.length > 0;
}

bool counter_find(struct part name, struct counter *counter) {
  for (size_t i = 0; i < sizeof named / sizeof *named; i++)
    if (part_is(name, named[i].name)) {
      *counter = named[i].counter;
      return true;
    }
  return find_cache(name, counter) || find_raw(name, counter) ||
         find_tracepoint(name, counter);
}

enum counter_kernel counter_kernel(const struct counter *counter) {
  if (counter->type == PERF_TYPE_TRACEPOINT)
    return KERNEL_ALWAYS;
  if (counter->type != PERF_TYPE_SOFTWARE)
    return KERNEL_NOT;
  switch (counter->config) {
  case PERF_COUNT_SW_CONTEXT_SWITCHES:
  case PERF_COUNT_SW_CPU_MIGRATIONS:
    return KERNEL_ALWAYS;
  case PERF_COUNT_SW_CPU_CLOCK:
  case PERF_COUNT_SW_TASK_CLOCK:
    return KERNEL_WHERE_PERMITTED;
  default:
    return KERNEL_NOT;
  }
}

void counter_attributes(const struct counter *counter, uint64_t period,
                        bool kernel, struct perf_event_attr *attributes) {
  memset(attributes, 0, sizeof *attributes);
  attributes->size = sizeof *attributes;
  attributes->type = counter->type;
  attributes->config = counter->config;
  attributes->sample_period = period;
  attributes->wakeup_events = 1;
  attributes->exclude_kernel = !kernel;
  attributes->exclude_hv = 1;
  attributes->inherit = 1;
  attributes->inherit_thread = 1;
  attributes->remove_on_exec = 1;
  attributes->disabled = 1;
}
