/* event_kinds.c - the events that rules may name: what they are, cost and need,
 * and how their arguments are read. See rules.h; docs/events.md says the same
 * for people. A new kind is a row, a function here, and a monitor. */
#include "io.h"
#include "rules.h"

#include "records.pb.h"
#include "rule_counters.h"
#include "watch_range.h"

#include <string.h>

#define A_DURATION "a duration such as 500us, 20ms, 1.5s or 5m"

/* auto goes by what checkpoints cost: not for rollbacks. */
static const char *parse_every(struct part *arguments, struct rule *rule) {
  if (part_is(*arguments, "auto") && !rule->rolls_back)
    rule->value = UINT64_MAX;
  else if (!part_duration(*arguments, &rule->value))
    return rule->rolls_back ? A_DURATION : A_DURATION ", or auto";
  return 0;
}

const struct event_kind kind_every = {
    .name = "every",
    .event = Event_EVENT_TIMER,
    .syntax = "every=DUR|auto",
    .what = "so long after the begin of the last checkpoint",
    .idle = "nothing",
    .each = "nothing",
    .needs = "nothing",
    .parse = parse_every,
};

static const char *parse_cpu(struct part *arguments, struct rule *rule) {
  return part_duration(*arguments, &rule->value) ? 0 : A_DURATION;
}

const struct event_kind kind_cpu = {
    .name = "cpu",
    .event = Event_EVENT_TIMER,
    .syntax = "cpu=DUR",
    .what = "the program's threads have used so much processor time since the "
            "last checkpoint",
    .idle = "a look at the clock, as often as it may be due",
    .each = "nothing",
    .needs = "nothing",
    .parse = parse_cpu,
};

static const char *parse_signal(struct part *arguments, struct rule *rule) {
  return part_signal(*arguments, &rule->value)
             ? 0
             : "a signal that can be handled, such as TERM, USR2 or RTMIN+1";
}

const struct event_kind kind_signal = {
    .name = "signal",
    .event = Event_EVENT_SIGNAL,
    .syntax = "signal=SIG",
    .what = "this signal, besides SIGUSR1; XCPU: the limit of processor time "
            "is near",
    .idle = "nothing",
    .each = "a signal",
    .needs = "a signal that the program does not handle",
    .parse = parse_signal,
};

const struct event_kind kind_exit = {
    .name = "exit",
    .event = Event_EVENT_SIGNAL,
    .syntax = "exit=SIG",
    .what = "this signal, and then the program ends with status 85",
    .idle = "nothing",
    .each = "a signal",
    .needs = "a signal that the program does not handle",
    .parse = parse_signal,
};

#define A_COUNT "a number such as 1000, 50k or 2M"

/* Sets the rule to a counter of that name. */
static bool set_counter(struct rule *rule, struct part name) {
  struct counter counter;
  if (!counter_find(name, &counter) ||
      !part_copy(name, rule->name, sizeof rule->name))
    return false;
  rule->word = counter.type;
  rule->second = counter.config;
  return true;
}

static const char *parse_llc(struct part *arguments, struct rule *rule) {
  struct part rest = *arguments, count = part_split(&rest, ',');
  bool misses = part_is(rest, "misses");
  if (!part_count(count, &rule->value)) {
    *arguments = count;
    return A_COUNT;
  }
  if (count.length < arguments->length && !misses) {
    *arguments = rest;
    return "misses";
  }
  set_counter(rule, part_of(misses ? "cache-misses" : "cache-references"));
  return 0;
}

const struct event_kind kind_llc = {
    .name = "llc",
    .event = Event_EVENT_COUNTER,
    .syntax = "llc=N[,misses]",
    .what = "a thread has come to the last-level cache so often, or missed it",
    .idle = "nothing",
    .each = "a signal to a thread of the runtime",
    .needs = "a processor with counters, which many virtual machines lack",
    .parse = parse_llc,
};

static const char *parse_instructions(struct part *arguments,
                                      struct rule *rule) {
  set_counter(rule, part_of("instructions"));
  return part_count(*arguments, &rule->value) ? 0 : A_COUNT;
}

const struct event_kind kind_instructions = {
    .name = "instructions",
    .event = Event_EVENT_COUNTER,
    .syntax = "instructions=N",
    .what = "a thread has executed so many instructions",
    .idle = "nothing",
    .each = "a signal to a thread of the runtime",
    .needs = "a processor with counters, which many virtual machines lack",
    .parse = parse_instructions,
};

static const char *parse_perf(struct part *arguments, struct rule *rule) {
  struct part rest = *arguments, name = part_split(&rest, ',');
  if (!set_counter(rule, name)) {
    *arguments = name;
    return "the name of a perf event (cycles, LLC-load-misses, page-faults, "
           "r01c2, syscalls:sys_enter_write)";
  }
  *arguments = rest;
  return part_count(rest, &rule->value) ? 0 : A_COUNT;
}

const struct event_kind kind_perf = {
    .name = "perf",
    .event = Event_EVENT_COUNTER,
    .syntax = "perf=NAME,N",
    .what = "a thread has had this perf event so often: page-faults, "
            "task-clock (ns), cycles, LLC-load-misses, r01c2, "
            "syscalls:sys_enter_write",
    .idle = "nothing; page-faults 80 ns for each of them",
    .each = "a signal to a thread of the runtime",
    .needs = "context-switches, cpu-migrations and tracepoints: "
             "CAP_PERFMON, or kernel.perf_event_paranoid of 1 or less",
    .parse = parse_perf,
};

static const char *parse_pressure(struct part *arguments, struct rule *rule) {
  static const char *const resources[] = {"memory", "io", "cpu", "irq", 0};
  static const char *const degrees[] = {"some", "full", 0};
  struct part rest = *arguments, resource = part_split(&rest, ',');
  struct part degree = part_split(&rest, ','), window = rest;
  struct part stalled = part_split(&window, '/');
  int word = part_word(degree, degrees);
  *arguments = resource;
  if (part_word(resource, resources) < 0 ||
      !part_copy(resource, rule->name, sizeof rule->name))
    return "memory, io, cpu or irq";
  *arguments = degree;
  if (word < 0)
    return "some or full";
  rule->word = (uint32_t)word;
  if (part_is(resource, word ? "cpu" : "irq"))
    return word ? "some: nobody works while all wait for a processor"
                : "full: of interrupts there is no other";
  *arguments = rest;
  if (!part_duration(stalled, &rule->value) ||
      !part_duration(window, &rule->second) || rule->value > rule->second)
    return "so long in a window, as 150ms/2s";
  return 0;
}

const struct event_kind kind_pressure = {
    .name = "pressure",
    .event = Event_EVENT_PRESSURE,
    .syntax = "pressure=memory|io|cpu|irq,some|full,DUR/WINDOW",
    .what = "some, or all, threads of the machine waited for it so long in a "
            "window of time",
    .idle = "nothing",
    .each = "once a window: a thread of the runtime wakes",
    .needs = "/proc/pressure (Linux 5.2); a WINDOW of 2s, 4s, ... 10s, with "
             "CAP_SYS_RESOURCE any from 500ms",
    .parse = parse_pressure,
};

#define A_PATH "an absolute path of a file, of fewer than 256 characters"

static const char *parse_file(struct part *arguments, struct rule *rule) {
  bool fits = part_begins(*arguments, "/") && arguments->length > 1 &&
              arguments->text[arguments->length - 1] != '/' &&
              part_copy(*arguments, rule->name, sizeof rule->name);
  return fits ? 0 : A_PATH;
}

const struct event_kind kind_file = {
    .name = "file",
    .event = Event_EVENT_FILE,
    .syntax = "file=PATH",
    .what = "the file appears, or is closed after it was written, or touched",
    .idle = "nothing",
    .each = "for each file that changes in its folder: a thread of the "
            "runtime wakes",
    .needs = "a folder that is there and can be read",
    .parse = parse_file,
};

#define SOCKET_PATH 107 /* bytes, sun_path of unix(7) */

static const char *parse_control(struct part *arguments, struct rule *rule) {
  return arguments->length <= SOCKET_PATH && !parse_file(arguments, rule)
             ? 0
             : "an absolute path of a file, of at most 107 characters";
}

const struct event_kind kind_control = {
    .name = "control",
    .event = Event_EVENT_CONTROL,
    .syntax = "control=PATH",
    .what = "`checkpoint` is written to this socket, which answers `resumed N` "
            "or `error E...`",
    .idle = "nothing",
    .each = "a thread of the runtime wakes",
    .needs = "a folder that can be written",
    .parse = parse_control,
};

/* Words of a kind are followed by those of the next in enum io_what (io.h):
 * bytes stand for the last. */
static const char *parse_io(struct part *arguments, struct rule *rule,
                            const char *const *words, uint32_t first,
                            uint32_t bytes, const char *expected) {
  int word = part_word(*arguments, words);
  rule->word = word < 0 ? bytes : first + (uint32_t)word;
  return word >= 0 || part_bytes(*arguments, &rule->value) ? 0 : expected;
}

static const char *parse_network(struct part *arguments, struct rule *rule) {
  static const char *const words[] = {"connect", "accept", 0};
  if (part_begins(*arguments, "first,")) {
    part_split(arguments, ',');
    rule->word = IO_QUIET;
    return part_duration(*arguments, &rule->value) ? 0 : A_DURATION;
  }
  return parse_io(arguments, rule, words, IO_CONNECT, IO_BYTES,
                  "connect, accept, first,DUR or a number of bytes such as "
                  "64K or 10M");
}

const struct event_kind kind_network = {
    .name = "network",
    .event = Event_EVENT_NETWORK,
    .syntax = "network=connect|accept|first,DUR|BYTES",
    .what = "a connection is made or taken, the first send or receive after "
            "so long without, or so much was sent and received",
    .idle = "nothing",
    .each = "0.1 to 0.7 us for a call that sends or receives",
    .needs = "calls made by the program's libc",
    .parse = parse_network,
};

static const char *parse_fileio(struct part *arguments, struct rule *rule) {
  static const char *const words[] = {"fsync", "close", 0};
  return parse_io(arguments, rule, words, IO_SYNC, IO_WRITTEN,
                  "fsync, close or a number of bytes such as 64K or 10M");
}

const struct event_kind kind_fileio = {
    .name = "fileio",
    .event = Event_EVENT_FILE_IO,
    .syntax = "fileio=fsync|close|BYTES",
    .what = "a file is synced, or closed that could be written, or so much was "
            "written to files",
    .idle = "nothing",
    .each = "0.1 to 0.4 us for a call that writes, syncs or closes",
    .needs = "calls made by the program's libc",
    .parse = parse_fileio,
};

static const char *parse_before(struct part *arguments, struct rule *rule) {
  rule->word = IO_SEND;
  return part_is(*arguments, "send") ? 0 : "send";
}

const struct event_kind kind_before = {
    .name = "before",
    .event = Event_EVENT_SEND,
    .syntax = "before=send",
    .what = "something is about to be sent over the network, which waits until "
            "the checkpoint is committed",
    .idle = "nothing",
    .each = "a checkpoint, until it is committed",
    .needs = "calls made by the program's libc",
    .parse = parse_before,
};

/* 0: it is no number. */
static uint64_t read_address(struct part part) {
  uint64_t value = 0, base = 10;
  if (part_begins(part, "0x")) {
    part = (struct part){part.text + 2, part.length - 2};
    base = 16;
  }
  for (; part.length; part.text++, part.length--) {
    char c = *part.text;
    uint64_t digit = c >= '0' && c <= '9'   ? (uint64_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a') + 10
                     : c >= 'A' && c <= 'F' ? (uint64_t)(c - 'A') + 10
                                            : 16;
    if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
        __builtin_add_overflow(value, digit, &value))
      return 0;
  }
  return value;
}

static bool is_digit(struct part part) {
  return part.length && *part.text >= '0' && *part.text <= '9';
}

static const char *parse_watch(struct part *arguments, struct rule *rule) {
  static const char *const words[] = {"after", "before", "registers", "pages",
                                      0};
  static const uint32_t bits[] = {0, WATCH_BEFORE, WATCH_REGISTERS,
                                  WATCH_PAGES};
  struct part rest = *arguments, what = part_split(&rest, ',');
  bool by_address = is_digit(what), after = false;
  *arguments = what;
  if (by_address && !(rule->value = read_address(what)))
    return "an address such as 0x404040";
  if (!by_address &&
      (!what.length || !part_copy(what, rule->name, sizeof rule->name)))
    return "the name of a variable, or an address such as 0x404040";
  if (by_address || is_digit(rest)) {
    *arguments = part_split(&rest, ',');
    if (!part_bytes(*arguments, &rule->second) ||
        rule->second > UINT64_MAX - rule->value)
      return "a length in bytes, such as 8 or 64K";
  }
  while (rest.length) {
    *arguments = part_split(&rest, ',');
    int index = part_word(*arguments, words);
    if (index < 0)
      return "after, before, registers or pages";
    rule->word |= bits[index];
    after = after || !bits[index];
    if (after && rule->word & WATCH_BEFORE)
      return "possible: the checkpoint is of before the write, or of after it";
  }
  /* The processor tells of a write when it is done. */
  if (rule->word & WATCH_REGISTERS && rule->word != WATCH_REGISTERS)
    return "possible: registers tell of a write behind it";
  return 0;
}

const struct event_kind kind_watch = {
    .name = "watch",
    .event = Event_EVENT_WATCH,
    .syntax = "watch=SYMBOL[,LEN]|ADDR,LEN[,after|before][,registers|pages]",
    .what = "the program writes to that variable or memory",
    .idle = "nothing",
    .each =
        "a trap for a write, of pages for those beside it too; 0.1 us for a "
        "system call that writes to memory",
    .needs = "a variable of the program's own file",
    .parse = parse_watch,
};

const struct event_kind *const event_kinds[] = {
    &kind_every, /* as `hwckpt run --on help` lists them */
    &kind_cpu,          &kind_signal,
    &kind_exit,         &kind_llc,
    &kind_instructions, &kind_perf,
    &kind_pressure,     &kind_file,
    &kind_control,      &kind_network,
    &kind_fileio,       &kind_before,
    &kind_watch,        0,
};
