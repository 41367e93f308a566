/* monitors.c - all monitors, and the rules they watch for; see monitor.h. */
#include "monitor.h"

#include "../support/live.h"
#include "../support/quiesce.h"

#include "rollbacks.h"
#include "watcher.h"

#include <stdatomic.h>
#include <string.h>

static const struct monitor *const monitors[] = {
    &timer_monitor,   &signal_monitor,  &command_monitor,  &range_monitor,
    &watch_monitor,   &counter_monitor, &pressure_monitor, &trigger_monitor,
    &control_monitor, &io_monitor,      &hang_monitor,
};
#define MONITORS (sizeof monitors / sizeof *monitors)

/* ---- rules ---- */

static struct rules rules;

#define HELD ((uint64_t)1 << 32)

/* Of each rule what no checkpoint has served yet. */
static LIVE struct {
  _Atomic uint64_t held;    /* HELD and the detail: until its spacing is over */
  _Atomic uint32_t patient; /* it has asked, and waits for a site */
} asked[RULES_MAX];

void monitors_read_rules(const char *on,
                         void (*wrong)(const struct hwckpt_error *error)) {
  rules_read(on, &rules, wrong);
}

const struct rules *monitors_rules(void) { return &rules; }

static bool is_member;

void monitors_of_member(bool member) { is_member = member; }

static bool is_for_root(const struct rule *rule) {
  return rule->kind->event == Event_EVENT_TIMER ||
         rule->kind->event == Event_EVENT_PRESSURE ||
         rule->kind->event == Event_EVENT_FILE ||
         rule->kind->event == Event_EVENT_CONTROL;
}

static bool is_left_to_root(const struct rule *rule) {
  return is_member && is_for_root(rule);
}

/* The handlers of signals are inherited. */
bool monitors_wanted_in_children(void) {
  for (const struct rule *rule = rules.rule; rule < rules.rule + rules.count;
       rule++)
    if (!is_for_root(rule) && rule->kind->event != Event_EVENT_SIGNAL)
      return true;
  return watch_monitor.wanted() || range_monitor.wanted();
}

const struct rule *monitors_next_rule(const struct event_kind *kind,
                                      const struct rule *after) {
  const struct rule *rule = after ? after + 1 : rules.rule;
  for (; rule < rules.rule + rules.count; rule++)
    if (rule->kind == kind && !is_left_to_root(rule))
      return rule;
  return 0;
}

const struct rule *monitors_rule_of(uint32_t detail) {
  uint32_t number = detail >> 24;
  return number > 0 && number <= rules.count ? &rules.rule[number - 1] : 0;
}

void monitors_refuse(const struct rule *rule, long number, const char *what) {
  struct hwckpt_error error;
  rules_refuse(rule, number, what, &error);
  events_say(&error);
}

static int ask(const struct rule *rule, uint32_t detail) {
  if (rule->rolls_back)
    return rollbacks_request(rule);
  Event event = (Event)rule->kind->event;
  if (!rule->site_ns)
    return events_request(event, detail);
  atomic_store(&asked[rule - rules.rule].patient, 1);
  return events_request_patiently(event, detail);
}

int monitors_fire(const struct rule *rule, uint32_t extra) {
  size_t index = (size_t)(rule - rules.rule);
  uint32_t detail = monitors_detail(rule, extra);
  if (!rule->spacing_ns ||
      quiesce_now_ns() >= events_begun_ns() + rule->spacing_ns)
    return ask(rule, detail);
  atomic_store(&asked[index].held, HELD | detail);
  return events_look_again();
}

/* Asks for what was held back until now. */
static uint64_t release_held(uint64_t now) {
  uint64_t next = UINT64_MAX;
  for (unsigned i = 0; i < rules.count; i++) {
    uint64_t at = events_begun_ns() + rules.rule[i].spacing_ns;
    if (!atomic_load(&asked[i].held))
      continue;
    if (now >= at)
      ask(&rules.rule[i], (uint32_t)atomic_exchange(&asked[i].held, 0));
    else if (at < next)
      next = at;
  }
  return next;
}

uint64_t monitors_site_ns(void) {
  uint64_t least = UINT64_MAX;
  for (unsigned i = 0; i < rules.count; i++)
    if (atomic_load(&asked[i].patient) && rules.rule[i].site_ns < least)
      least = rules.rule[i].site_ns;
  return least == UINT64_MAX ? 0 : least;
}

static uint32_t take_held(void) {
  uint32_t events = 0;
  for (unsigned i = 0; i < rules.count; i++) {
    if (!rules.rule[i].rolls_back && atomic_exchange(&asked[i].held, 0))
      events |= 1u << rules.rule[i].kind->event;
    atomic_store(&asked[i].patient, 0);
  }
  return events;
}

/* ---- all monitors ---- */

bool monitors_wanted(void) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->wanted && monitors[i]->wanted())
      return true;
  return false;
}

void monitors_start(const struct hwckpt_options *options) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->start)
      monitors[i]->start(options);
}

void monitors_stop(void) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->stop)
      monitors[i]->stop();
}

bool monitors_trap(const siginfo_t *info) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->trap && monitors[i]->trap(info))
      return true;
  return false;
}

uint64_t monitors_due(uint64_t now_ns) {
  uint64_t next = UINT64_MAX;
  for (size_t i = 0; i < MONITORS; i++) {
    uint64_t due = monitors[i]->due ? monitors[i]->due(now_ns) : UINT64_MAX;
    next = due < next ? due : next;
  }
  uint64_t held = release_held(now_ns); /* by those too */
  return held < next ? held : next;
}

void monitors_due_by_clock(uint64_t now_ns) {
  timer_monitor.due(now_ns);
  release_held(now_ns);
}

bool monitors_wait(void) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->waits && monitors[i]->waits())
      return true;
  return false;
}

bool monitors_wait_for(Event event, bool *known) {
  *known = false;
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->event == event && monitors[i]->waits) {
      *known = true;
      return monitors[i]->waits();
    }
  return false;
}

uint32_t monitors_begun(void) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->begun)
      monitors[i]->begun();
  return take_held();
}

void monitors_ended(const struct outcome *outcome) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->ended)
      monitors[i]->ended(outcome);
}

void monitors_back_begun(void) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->back_begun)
      monitors[i]->back_begun();
}

void monitors_back_ended(const struct outcome_back *outcome) {
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->back_ended)
      monitors[i]->back_ended(outcome);
}

void monitors_describe(Event event, uint32_t detail, char *text, size_t size) {
  *text = 0;
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->event == event && monitors[i]->describe) {
      monitors[i]->describe(detail, text, size);
      return;
    }
  const struct rule *rule = monitors_rule_of(detail);
  if (rule)
    hwckpt_format(text, size, "%s", rule->text);
}

void monitors_forget(void) {
  memset(asked, 0, sizeof asked);
  watcher_forget();
  for (size_t i = 0; i < MONITORS; i++)
    if (monitors[i]->forget)
      monitors[i]->forget();
}
