/* hang.c - the monitor of hangs, which asks for no checkpoint: when no thread
 * has come to a site for as long as the option hang says, the program is ended,
 * so that who supervises it has it go on from its last checkpoint.
 *
 * From time to time sites trap for a moment. Invariant: only time in which this
 * thread ran counts, as the program may have been stopped, or the machine
 * suspended; and what was not seen to hang does not.
 */
#include "../arch/sys.h"
#include "../support/handlers.h"
#include "../support/live.h"
#include "../support/quiesce.h"
#include "monitor.h"
#include "sites.h"

#include <signal.h>
#include <string.h>

/* Looks in that time, each as long as a part of what lies between them. */
#define LOOKS 8u
#define LOOK_PART 4u
#define LOOK_MOST_NS 250000000u

static LIVE struct {
  uint64_t limit, next, last; /* 0: off; the next look, the end of the last */
  uint64_t without;           /* no site was seen to be reached for so long */
  bool said;
} hang;

static bool wanted(void) { return events_hang_ns() != 0; }

static void start(const struct hwckpt_options *options) {
  if (hang.limit || !options->hang)
    return;
  hang.limit = options->hang;
  hang.last = quiesce_now_ns();
  hang.next = hang.last + hang.limit / LOOKS;
}

static void fail(struct hwckpt_error *error, const char *detail) {
  hwckpt_fail(error, HWCKPT_E_HANGS, 0, "program", "%s", detail);
  events_say(error);
}

static void end(void) {
  static struct hwckpt_error error;
  struct sigaction_raw by_default;
  char text[64];
  hwckpt_format(text, sizeof text, "hang=%llu ms",
                (unsigned long long)hang.limit / 1000000u);
  fail(&error, text);
  monitors_stop();
  memset(&by_default, 0, sizeof by_default);
  SYS(rt_sigaction, SIGABRT, &by_default, 0, 8);
  SYS(kill, SYS(getpid), SIGABRT);
}

static void look(uint64_t now) {
  uint64_t step = hang.limit / LOOKS, moment = step / LOOK_PART;
  uint64_t passed = now - hang.last;
  moment = moment < LOOK_MOST_NS ? moment : LOOK_MOST_NS;
  switch (sites_look(now + moment, events_wanted)) {
  case SITES_REACHED:
    hang.without = 0;
    break;
  case SITES_NOT_REACHED:
    hang.without += passed < 2 * step ? passed : 2 * step;
    break;
  case SITES_UNKNOWN:
    break;
  }
  hang.last = quiesce_now_ns();
  hang.next = hang.last + step;
  if (hang.without >= hang.limit)
    end();
}

static uint64_t due(uint64_t now) {
  if (!hang.limit)
    return UINT64_MAX;
  if (now >= hang.next)
    look(now);
  return hang.next;
}

/* Who was stopped at a site has come to it, and who saves as good as. */
static void ended(const struct outcome *outcome) {
  if (outcome->result &&
      (outcome->result->statistics.threads_at_sites ||
       outcome->result->statistics.events >> Event_EVENT_SAVE & 1))
    hang.without = 0;
}

static void forget(void) { memset(&hang, 0, sizeof hang); }

const struct monitor hang_monitor = {
    .name = "hang",
    .event = Event_EVENT_NONE,
    .wanted = wanted,
    .start = start,
    .due = due,
    .ended = ended,
    .forget = forget,
};
