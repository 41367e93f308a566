/* signal_actions.c - what the program does at each of the 64 signals. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "resource.h"

#include <string.h>

#define SIGNALS 64
#define SIGNAL_KILL 9
#define SIGNAL_STOP 19

/* The kernel's struct sigaction, not libc's. */
struct kernel_action {
  uint64_t handler;
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;
};

static bool fixed(int signal) {
  return signal == SIGNAL_KILL || signal == SIGNAL_STOP;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  SignalActions message = SignalActions_init_zero;
  message.handler_count = message.flags_count = SIGNALS;
  message.restorer_count = message.mask_count = SIGNALS;
  for (int signal = 1; signal <= SIGNALS; signal++) {
    struct kernel_action action = {0};
    if (fixed(signal))
      continue;
    long result = SYS(rt_sigaction, signal, 0, &action, sizeof(action.mask));
    if (result < 0)
      return hwckpt_fail(error, HWCKPT_E_CAPTURE, (int)-result,
                         "signal actions", "signal %d", signal);
    message.handler[signal - 1] = action.handler;
    message.flags[signal - 1] = action.flags;
    message.restorer[signal - 1] = action.restorer;
    message.mask[signal - 1] = action.mask;
  }
  return resource_put(sink, RECORD_SIGNAL_ACTIONS, SignalActions_fields,
                      &message, error);
}

/* To set what ignores a signal, also if nothing changes, takes a pending one
 * away (in a rollback, what came since). */
static long set(int signal, const struct kernel_action *action) {
  struct kernel_action now = {0};
  long result = SYS(rt_sigaction, signal, 0, &now, sizeof(now.mask));
  return result < 0 || memcmp(&now, action, sizeof now) == 0
             ? result
             : SYS(rt_sigaction, signal, action, 0, sizeof(action->mask));
}

static int apply(const SignalActions *message, struct hwckpt_error *error) {
  for (int signal = 1; signal <= SIGNALS; signal++) {
    struct kernel_action action = {
        message->handler[signal - 1], message->flags[signal - 1],
        message->restorer[signal - 1], message->mask[signal - 1]};
    if (fixed(signal))
      continue;
    long result = set(signal, &action);
    if (result < 0)
      return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, (int)-result,
                         "signal actions", "signal %d", signal);
  }
  return 0;
}

static int restore(struct resource_source *source, struct hwckpt_error *error) {
  SignalActions message;
  for (size_t i = 0; i < source->count; i++) {
    if (source->records[i].type != RECORD_SIGNAL_ACTIONS)
      continue;
    int result = resource_get(&source->records[i], SignalActions_fields,
                              &message, error);
    if (result)
      return result;
    if (message.handler_count != SIGNALS || message.flags_count != SIGNALS ||
        message.restorer_count != SIGNALS || message.mask_count != SIGNALS)
      return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "signal actions",
                         "not %d of them", SIGNALS);
    return apply(&message, error);
  }
  return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "signal actions", "missing");
}

const struct resource_kind hwckpt_resource_signal_actions = {
    .name = "signal actions",
    .save = save,
    .restore = restore,
};
