/* taking.c - see taking.h. */
#include "taking.h"

#include "../arch/sys.h"
#include "../support/checkpoint.h"
#include "../support/handlers.h"
#include "../support/live.h"
#include "callbacks.h"
#include "committed.h"
#include "counters.h"
#include "cut.h"
#include "events.h"
#include "monitor.h"
#include "requests.h"
#include "rollbacks.h"
#include "sections.h"
#include "settings.h"
#include "sites.h"
#include "timer.h"
#include "watch_pages.h"

#include <errno.h>
#include <string.h>

/* The checkpoint that is being taken. */
static LIVE struct {
  struct pending *serves;
  uint64_t site_until;  /* it waits so long for a site, 0: not */
  uint32_t events_also; /* came while it did */
  bool waited;
  uint64_t serves_ns; /* saves that were there then */
  struct checkpoint_result result;
} taking;

/* Then nobody is rolled back (rollbacks.c). */
static bool has_others(void) { return cut_is_there() && !cut_is_alone(); }

static bool to_be_rolled_back(void) {
  return quiesce_load_waits() || rollbacks_wanted();
}

/* A checkpoint of now would be one of what is to be undone. */
static bool goes_back(void) { return to_be_rolled_back() && !has_others(); }

/* Whoever waits for the checkpoint does not wait for a site, nor do others that
 * have not said so. */
static bool in_a_hurry(void) {
  monitors_due_by_clock(quiesce_now_ns());
  return atomic_load(&requests.urgent) || atomic_load(&requests.exit_signal) ||
         to_be_rolled_back();
}

/* What came meanwhile is served too. */
static void serve_also(void) {
  uint32_t asked = requests_take(), events = asked & REQUEST_EVENTS;
  if (asked & ~REQUEST_EVENTS)
    requests_wake(asked & ~REQUEST_EVENTS);
  pending_drop(events);
  taking.events_also |= events | monitors_begun();
  taking.serves->events |= events;
  atomic_fetch_and(&requests.urgent, ~events);
  taking.serves_ns = quiesce_now_ns();
}

/* The others wait for this process no longer than 120 s. */
#define TREE_MOST_NS 100000000000u

static bool await(void) {
  uint64_t until = taking.site_until, now = quiesce_now_ns();
  bool held = taking.waited && sites_are_held(); /* since the round before */
  taking.waited = true;
  if (!until || held)
    return true;
  if (has_others() && until > now + TREE_MOST_NS)
    until = now + TREE_MOST_NS;
  sites_prepare();
  sites_await_annotated(until, in_a_hurry);
  if (goes_back()) {
    sites_release();
    return false;
  }
  serve_also();
  return true;
}

/* A stop that did not come about has let the thread at the site go on; while
 * others may stand already, the next is not waited for as long. */
#define AGAIN_NS 1000000000u

static void prepare(void) {
  sites_prepare();
  if (!taking.site_until || !taking.waited || sites_are_held())
    return;
  uint64_t most = quiesce_now_ns() + AGAIN_NS;
  sites_await_annotated(taking.site_until < most ? taking.site_until : most,
                        in_a_hurry);
}

/* What the checkpoint had the program wait for is over. */
static void go_on(void) {
  sections_let_in();
  callbacks_after();
}

static void captured(void) {
  taking.result.statistics.events |= taking.events_also;
  go_on();
}

/* All stand, or go on again. */
static void disarm(void) {
  sites_disarm();
  watch_pages_open();
}

static void arm_stopped(void) {
  sites_arm_stopped();
  watch_pages_close();
}

static const struct quiesce_hooks hooks = {.await = await,
                                           .release = sites_release,
                                           .prepare = prepare,
                                           .arm = sites_arm,
                                           .disarm = disarm,
                                           .resume = watch_pages_close,
                                           .captured = captured,
                                           .rolled_back = rollbacks_undone};
/* No site may be passed unseen. */
static const struct quiesce_hooks armed_hooks = {.prepare = sites_prepare,
                                                 .arm = sites_arm,
                                                 .disarm = disarm,
                                                 .resume = arm_stopped,
                                                 .captured = go_on,
                                                 .rolled_back =
                                                     rollbacks_undone};

void taking_end(int signal) {
  struct sigaction_raw by_default;
  memset(&by_default, 0, sizeof by_default);
  SYS(rt_sigaction, signal, &by_default, 0, 8);
  SYS(kill, SYS(getpid), signal);
}

/* What had asked for the end before the checkpoint began. */
static void end_if_asked(int signal, bool taken) {
  if (!signal)
    return;
  atomic_store(&requests.exit_signal, 0);
  monitors_stop();
  if (taken)
    SYS(exit_group, EVENTS_EXIT);
  taking_end(signal);
}

/* Monitors are told; both null: the program was rolled back. */
static void tell_outcome(uint64_t begin, const struct checkpoint_result *result,
                         const struct hwckpt_error *error) {
  const struct outcome outcome = {begin, result, error, false};
  monitors_ended(&outcome);
}

static void say(const struct checkpoint_result *result) {
  char text[256];
  hwckpt_format(text, sizeof text,
                "hwckpt: %s/%llu %s, %llu pages, paused %llu us\n",
                result->generation.application,
                (unsigned long long)result->generation.number,
                result->generation.parent ? "delta" : "base",
                (unsigned long long)result->generation.pages,
                (unsigned long long)result->statistics.pause_ns / 1000u);
  events_report(text);
}

/* What becomes of all processes is said by the first; it ends with the
 * coordinator, and that this is lost is said by who asked it. */
static bool says_failure(uint32_t cut, const struct hwckpt_error *error) {
  return !cut_is_there() || cut_is_root() ||
         (!cut && error->code == HWCKPT_E_TREE_LOST);
}

static const struct partners nobody = {.prepared = sections_settle};

static int take_alone(struct checkpoint_reason reason,
                      const struct quiesce_hooks *how,
                      struct checkpoint_result *result,
                      struct hwckpt_error *error) {
  reason.partners = &nobody;
  return checkpoint_take(&reason, how, result, error);
}

/* Where the program lets us: no section is open, no callback refuses. Else as
 * checkpoint_take(). */
static int take_if_let(uint32_t cut, const struct checkpoint_reason *reason,
                       const struct quiesce_hooks *how,
                       struct checkpoint_result *result,
                       struct hwckpt_error *error) {
  /* Others wait for an answer. */
  int status = callbacks_before(cut ? 0 : goes_back, error);
  if (status > 0)
    return status;
  if (status < 0)
    return cut_is_there() ? cut_decline(cut, reason, error) : status;
  sections_settle_begin();
  if (cut_is_there())
    status = cut_take(cut, settings.options.section_wait, reason, how, result,
                      error);
  else
    status = take_alone(*reason, how, result, error);
  go_on(); /* where it failed before that */
  /* Alone it waits for the end. */
  if (status == -HWCKPT_E_SECTION_OPEN && (!cut_is_there() || cut_is_alone()))
    return 1;
  return status;
}

static const struct quiesce_hooks *how(void) {
  return settings_always_armed() ? &armed_hooks : &hooks;
}

static enum taken take_again(uint64_t begin) {
  tell_outcome(begin, 0, 0);
  return TAKE_AGAIN;
}

static void fail(uint32_t cut, uint64_t begin,
                 const struct hwckpt_error *error) {
  counters_failed();
  if (says_failure(cut, error))
    events_say(error); /* first: a save that fails may end the program */
  quiesce_fail_saves(taking.serves_ns, events_errno(error));
  tell_outcome(begin, 0, error);
}

static void succeed(uint64_t begin, const struct checkpoint_result *result) {
  counters_taken(result);
  committed_tell(result->generation.number);
  quiesce_finish_saves(0);
  tell_outcome(begin, result, 0);
  if (settings.options.verbosity > 0)
    say(result);
}

static struct checkpoint_reason reason_of(const struct pending *served,
                                          uint64_t begin,
                                          char cause[CHECKPOINT_CAUSE]) {
  monitors_describe(served->event, pending_detail(served), cause,
                    CHECKPOINT_CAUSE);
  struct checkpoint_reason reason = {
      .event = served->event,
      .events = served->events | monitors_begun(),
      .cause = cause,
      .go_on = settings.options.on_unsupported[0] == 'w',
      .interval_ns = timer_interval_ns()};
  if (served->events >> Event_EVENT_TIMER & 1)
    reason.delayed_ns = timer_delay_ns(begin);
  return reason;
}

enum taken taking_take(struct pending *served, uint32_t cut, uint64_t begin,
                       uint64_t site_until) {
  struct hwckpt_error error;
  char cause[CHECKPOINT_CAUSE];
  struct checkpoint_reason reason = reason_of(served, begin, cause);
  taking.serves = served;
  taking.site_until = site_until;
  taking.events_also = 0;
  taking.waited = false;
  taking.serves_ns = begin;
  int exit_signal = atomic_load(&requests.exit_signal);
  int status = take_if_let(cut, &reason, how(), &taking.result, &error);
  if (status > 0)
    return take_again(begin);
  if (status < 0)
    fail(cut, begin, &error);
  else
    succeed(begin, &taking.result);
  end_if_asked(exit_signal, status == 0);
  return status == 0 ? TAKEN : NOT_TAKEN;
}

void taking_decline_cut(const struct pending *served, uint32_t cut,
                        uint64_t begin, struct hwckpt_error *error) {
  char cause[CHECKPOINT_CAUSE];
  struct checkpoint_reason reason = reason_of(served, begin, cause);
  taking.serves_ns = begin;
  cut_decline(cut, &reason, error);
  fail(cut, begin, error);
}

void taking_refuse_cut(const struct pending *served, uint32_t cut,
                       uint64_t begin, uint64_t waited_ns) {
  struct hwckpt_error error;
  sections_refuse(waited_ns, &error);
  taking_decline_cut(served, cut, begin, &error);
}

void taking_over(bool opened) { checkpoint_take_over(opened ? how() : 0); }

void taking_back(uint64_t begin) {
  taking.site_until = 0;
  rollbacks_serve(how(), settings.options.verbosity > 0);
  const struct outcome outcome = {begin, 0, 0, rollbacks_were_asked()};
  monitors_ended(&outcome);
}

void taking_refuse_all(const struct hwckpt_error *error, uint64_t begin) {
  quiesce_fail_saves(UINT64_MAX, -EIO);
  rollbacks_refuse(error);
  monitors_begun();
  tell_outcome(begin, 0, error);
  end_if_asked(atomic_load(&requests.exit_signal), false);
}
