/* signals.c - see signals.h. */
#include "signals.h"

#include "../arch/sys.h"
#include "../support/handlers.h"
#include "../support/interrupted.h"
#include "monitor.h"

#include <signal.h>

/* The request interrupts system calls like any signal; the program has not
 * asked for it and must not see it. */
static void on_request(int number, siginfo_t *info, void *context) {
  (void)info;
  interrupted_leave(interrupted_settle(context, (int)SYS(gettid)), context);
  const struct rule *rule = 0;
  bool has_rule = false;
  while ((rule = monitors_next_rule(&kind_signal, rule)))
    if (rule->value == (uint64_t)number) {
      has_rule = true;
      monitors_fire(rule, 0);
    }
  if (!has_rule)
    events_request(Event_EVENT_SIGNAL, (uint32_t)number);
}

static void on_exit_request(int number, siginfo_t *info, void *context) {
  (void)info;
  interrupted_leave(interrupted_settle(context, (int)SYS(gettid)), context);
  const struct rule *rule = 0;
  while ((rule = monitors_next_rule(&kind_exit, rule)))
    if (rule->value == (uint64_t)number)
      break;
  events_request_exit(number,
                      rule ? monitors_detail(rule, 0) : (uint32_t)number);
}

static void install(int number, signal_handler *handler) {
  struct sigaction_raw now;
  if (number <= 0 || number > 64)
    return;
  signal_get_action(number, &now);
  if (now.handler == 0)
    signal_set_handler(number, handler);
}

__attribute__((visibility("default"))) int
__hwckpt_is_request(uint64_t handler) {
  return handler == (uint64_t)on_request ||
         handler == (uint64_t)on_exit_request;
}

void signals_install(const struct hwckpt_options *options) {
  const struct rule *rule = 0;
  install((int)options->exit_signal, on_exit_request);
  while ((rule = monitors_next_rule(&kind_exit, rule)))
    install((int)rule->value, on_exit_request);
  rule = 0;
  while ((rule = monitors_next_rule(&kind_signal, rule)))
    install((int)rule->value, on_request);
  /* Of the same signal only the rules count: on_request() knows. */
  install((int)options->signal, on_request);
}

static void describe(uint32_t detail, char *text, size_t size) {
  const struct rule *rule = monitors_rule_of(detail);
  if (rule)
    hwckpt_format(text, size, "%s", rule->text);
  else
    hwckpt_format(text, size, "signal %u", detail);
}

const struct monitor signal_monitor = {
    .name = "signal",
    .event = Event_EVENT_SIGNAL,
    .describe = describe,
};
