/* rollbacks.c - see rollbacks.h. */
#include "rollbacks.h"

#include "../support/checkpoint.h"
#include "../support/live.h"
#include "callbacks.h"
#include "counters.h"
#include "cut.h"
#include "events.h"
#include "faults.h"
#include "hooks.h"
#include "monitor.h"
#include "region_calls.h"
#include "sites.h"

#include <errno.h>
#include <stdatomic.h>

#define NOBODY 0u
#define SOMEBODY 1u
#define RULE 2u /* and more: its index */

static LIVE struct {
  _Atomic uint32_t wanted; /* by whom, the first of them */
  uint32_t served;         /* the same, of the one under way */
  const char *failure;     /* it was for; null: none */
} rollbacks;

int rollbacks_request(const struct rule *rule) {
  uint32_t by = rule ? RULE + monitors_index(rule) : SOMEBODY, nobody = NOBODY;
  atomic_compare_exchange_strong(&rollbacks.wanted, &nobody, by);
  return events_request_rollback();
}

bool rollbacks_wanted(void) { return atomic_load(&rollbacks.wanted) != NOBODY; }

bool rollbacks_begin(void) {
  rollbacks.served = atomic_exchange(&rollbacks.wanted, NOBODY);
  if (rollbacks.served)
    monitors_back_begun();
  return rollbacks.served != NOBODY;
}

bool rollbacks_were_asked(void) { return rollbacks.served != NOBODY; }

/* Counted before a thread goes on, and perhaps fails again. */
void rollbacks_undone(void) {
  uint64_t number;
  const char *application = checkpoint_newest(&number);
  rollbacks.failure = faults_rolled_back(application, number);
  counters_rolled_back(rollbacks.failure != 0);
  hooks_rolled_back();
  sites_rolled_back();
  callbacks_rolled_back();
  /* What they watch, and in which threads, is as it was then. */
  events_monitors_changed(false);
  if (region_calls_wait())
    events_request_regions();
}

static void tell(const struct hwckpt_error *error) {
  struct outcome_back outcome = {.error = error};
  outcome.application = checkpoint_newest(&outcome.generation);
  monitors_back_ended(&outcome);
}

/* A thread of the program hears of it by the result of its call. */
static void fail(const struct hwckpt_error *error, int result) {
  quiesce_fail_loads(result);
  if (rollbacks.served)
    tell(error);
}

void rollbacks_refuse(const struct hwckpt_error *error) { fail(error, -EIO); }

/* What caused it, for people; "" when the program had asked. */
static const char *cause(void) {
  if (rollbacks.served == SOMEBODY)
    return ", as was asked for";
  return rollbacks.served ? ", by the rule " : "";
}

static void say_done(const struct rollback_result *result) {
  const struct rules *rules = monitors_rules();
  uint32_t rule = rollbacks.served - RULE;
  char text[768];
  uint64_t number;
  const char *application = checkpoint_newest(&number);
  size_t length =
      rollbacks.failure
          ? hwckpt_format(text, sizeof text, "hwckpt: %s", rollbacks.failure)
          : hwckpt_format(text, sizeof text,
                          "hwckpt: rolled back to %s/%llu%s%s", application,
                          (unsigned long long)number, cause(),
                          rollbacks.served >= RULE && rule < rules->count
                              ? rules->rule[rule].text
                              : "");
  hwckpt_format(text + length, sizeof text - length,
                ", %llu pages, paused %llu us\n",
                (unsigned long long)result->pages,
                (unsigned long long)result->pause_ns / 1000u);
  events_report(text);
}

void rollbacks_serve(const struct quiesce_hooks *how, bool say) {
  struct hwckpt_error error;
  struct rollback_result result;
  /* The others would not be taken back with it. */
  if (cut_is_there() && !(cut_is_root() && cut_is_alone())) {
    hwckpt_fail(&error, HWCKPT_E_NOT_ROLLED_BACK, 0, "program",
                "it has several processes");
    if (rollbacks.served >= RULE)
      events_say(&error);
    fail(&error, -ENOTSUP);
    return;
  }
  if (checkpoint_roll_back(how, &result, &error) < 0) {
    if (error.code != HWCKPT_E_CACHE_EMPTY || rollbacks.served >= RULE)
      events_say(&error);
    fail(&error, events_errno(&error));
    return;
  }
  if (rollbacks.served)
    tell(0);
  if (say)
    say_done(&result);
}
