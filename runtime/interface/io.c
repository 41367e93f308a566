/* io.c - the monitors of input and output; see io.h. The code of the program's
 * libc is changed when the program begins, before it does anything.
 */
#include "io.h"

#include "../arch/sys.h"
#include "../support/calls.h"
#include "../support/live.h"
#include "monitor.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

static LIVE bool started;

static bool is_ours(const struct rule *rule) {
  return rule->kind == &kind_network || rule->kind == &kind_fileio ||
         rule->kind == &kind_before;
}

static bool wanted(void) {
  return monitors_next_rule(&kind_network, 0) ||
         monitors_next_rule(&kind_fileio, 0) ||
         monitors_next_rule(&kind_before, 0);
}

/* The actions of all rules. */
static void set_actions(void) {
  const struct rules *rules = monitors_rules();
  io_state.count = io_state.whats = 0;
  for (uint32_t i = 0; i < rules->count; i++) {
    const struct rule *rule = &rules->rule[i];
    if (!is_ours(rule))
      continue;
    struct io_action *action = &io_state.actions[io_state.count++];
    action->what = (enum io_what)rule->word;
    action->rule = i;
    action->amount = rule->value;
    atomic_store(&action->so_far, 0);
    io_state.whats |= 1u << rule->word;
  }
}

/* The code is of the program, which may have brought it from before. */
static uint32_t told_whats; /* of what it is told, since it was changed */

static void refuse(uint32_t whats, long number) {
  const struct rules *rules = monitors_rules();
  struct hwckpt_error error;
  for (uint32_t i = 0; i < rules->count; i++)
    if (is_ours(&rules->rule[i]) && whats >> rules->rule[i].word & 1) {
      hwckpt_fail(&error, HWCKPT_E_CALLS, (int)-number, rules->rule[i].text,
                  "its libc is not understood, or cannot be changed");
      events_say(&error);
    }
}

static void start(const struct hwckpt_options *options) {
  (void)options;
  if (started || !wanted())
    return;
  started = true;
  set_actions();
  atomic_store(&io_state.pid, (int)SYS(getpid));
  io_state.word = events_word(&io_state.bit);
  /* In a program that came back nothing may pass until it runs. */
  atomic_store(&calls_listeners[CALLS_IO], io_before);
  if (!(io_state.whats & ~told_whats))
    return;
  calls_want(io_wants);
  int failed = calls_change_now();
  if (failed)
    refuse(io_state.whats & ~told_whats, failed);
  else
    told_whats |= io_state.whats;
}

/* What the program's threads have seen. */
static uint64_t due(uint64_t now_ns) {
  (void)now_ns;
  if (!started)
    return UINT64_MAX;
  for (uint32_t fired = atomic_exchange(&io_state.fired, 0); fired;
       fired &= fired - 1)
    monitors_fire(&monitors_rules()->rule[__builtin_ctz(fired)], 0);
  return UINT64_MAX;
}

void io_ask_send(void) {
  const struct rule *rule = monitors_next_rule(&kind_before, 0);
  if (rule)
    monitors_fire(rule, 0);
  else
    events_request(Event_EVENT_SEND, 0);
}

static void forget(void) {
  started = false;
  atomic_store(&calls_listeners[CALLS_IO], 0);
  atomic_store(&io_state.fired, 0);
}

const struct monitor io_monitor = {
    .name = "io",
    .event = Event_EVENT_NETWORK,
    .wanted = wanted,
    .start = start,
    .due = due,
    .forget = forget,
};
