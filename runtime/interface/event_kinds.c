/* event_kinds.c - the events that rules may name: what they are, cost and need,
 * and how their arguments are read. See rules.h; docs/events.md says the same
 * for people. A new kind is a row, a function here, and a monitor. */
#include "rules.h"

#include "records.pb.h"

#include <string.h>

#define A_DURATION "a duration such as 500us, 20ms, 1.5s or 5m"

static const char *parse_every(struct part *arguments, struct rule *rule) {
  if (part_is(*arguments, "auto"))
    rule->value = UINT64_MAX;
  else if (!part_duration(*arguments, &rule->value))
    return A_DURATION ", or auto";
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
  return part_signal(*arguments, &rule->value) ? 0
                                               : "a signal that can be handled";
}

const struct event_kind kind_signal = {
    .name = "signal",
    .event = Event_EVENT_SIGNAL,
    .syntax = "signal=SIG",
    .what = "this signal, in place of SIGUSR1; XCPU: the limit of processor "
            "time is near",
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

const struct event_kind *const event_kinds[] = {
    &kind_every, &kind_cpu, &kind_signal, &kind_exit, 0,
};
