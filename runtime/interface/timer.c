/* timer.c - the monitor of time; see timer.h.
 *
 * A timer runs from the begin of the last checkpoint, whatever caused that, and
 * gives the program time of its own in between (interval.h); one with
 * then=rollback from the last rollback. One of processor
 * time looks at the clock when it may be due: if all processors worked for the
 * program. What the runtime's own threads use does not count.
 */
#include "timer.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/quiesce.h"
#include "cut.h"
#include "interval.h"
#include "monitor.h"

#include <string.h>
#include <time.h>

#define TIMERS (RULES_MAX + 1)

/* Of every=auto before the first cost is known, and the least that is chosen.
 */
#define AUTO_FIRST_NS 1000000000u
#define AUTO_LEAST_NS 10000000u

struct timer {
  const struct rule *rule; /* null: the option every */
  uint64_t interval;
  bool automatic, by_cpu, asked; /* asked for a checkpoint, since the last */
  uint64_t due;                  /* by_cpu: of the program's processor time */
  uint64_t on_time;              /* when it were due by its interval alone */
  uint64_t retry; /* after so long, after a refusal; 0: the last was none */
};

/* What a checkpoint is refused for (E208) is often gone in a moment, such as
 * bytes for who has not accepted the connection yet: the next is tried after
 * this part of the interval, and then each time after twice as long. */
#define RETRY_PARTS 16u

static LIVE struct {
  bool started;
  unsigned count;
  unsigned processors;
  uint64_t mtbf;
  struct timer timer[TIMERS];
} timers;

static uint64_t program_cpu_ns(void) {
  struct timespec now = {0, 0};
  SYS(clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &now);
  uint64_t all = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  uint64_t own = quiesce_runtime_cpu_ns();
  return all > own ? all - own : 0;
}

static unsigned count_processors(void) {
  uint64_t set[128] = {0}; /* 8192 processors */
  unsigned count = 0;
  long size = SYS(sched_getaffinity, 0, sizeof set, set);
  for (long i = 0; i < size / (long)sizeof *set; i++)
    count += (unsigned)__builtin_popcountll(set[i]);
  return count ? count : 1;
}

static bool wanted(void) {
  return monitors_next_rule(&kind_every, 0) || monitors_next_rule(&kind_cpu, 0);
}

static void add(const struct rule *rule, uint64_t every, bool by_cpu) {
  if (!every)
    return;
  struct timer *timer = &timers.timer[timers.count++];
  timer->rule = rule;
  timer->automatic = every == HWCKPT_EVERY_AUTO;
  timer->interval = timer->automatic ? AUTO_FIRST_NS : every;
  timer->by_cpu = by_cpu;
  timer->due = (by_cpu ? program_cpu_ns() : quiesce_now_ns()) + timer->interval;
}

static void start(const struct hwckpt_options *options) {
  const struct rule *rule = 0;
  /* Of several processes that are checkpointed together the first has them. */
  if (timers.started || (cut_is_there() && !cut_is_root()))
    return;
  timers.started = true;
  timers.mtbf = options->mtbf;
  timers.processors = count_processors();
  add(0, options->every, false);
  while ((rule = monitors_next_rule(&kind_every, rule)))
    add(rule, rule->value, false);
  while ((rule = monitors_next_rule(&kind_cpu, rule)))
    add(rule, rule->value, true);
}

/* A timer of processor time is looked at no more often than for this part of
 * its interval, and not every millisecond. */
#define CPU_PARTS 64u
#define CPU_LEAST_NS 1000000u

/* When to look again, in ns from now; 0: it is due. */
static uint64_t time_left(const struct timer *timer, uint64_t now) {
  if (!timer->by_cpu)
    return timer->due > now ? timer->due - now : 0;
  uint64_t used = program_cpu_ns();
  if (used >= timer->due)
    return 0;
  uint64_t left = (timer->due - used) / timers.processors;
  uint64_t least = timer->interval / CPU_PARTS;
  least = least > CPU_LEAST_NS ? least : CPU_LEAST_NS;
  return left > least ? left : least;
}

static bool rolls_back(const struct timer *timer) {
  return timer->rule && timer->rule->rolls_back;
}

/* Asks for what is due of those that roll back, or that do not; whether there
 * was such. */
static bool ask_for_due(bool back, uint64_t now, uint64_t *next) {
  bool any = false;
  for (unsigned i = 0; i < timers.count; i++) {
    struct timer *timer = &timers.timer[i];
    if (timer->asked || rolls_back(timer) != back)
      continue;
    uint64_t left = time_left(timer, now);
    if (left) {
      *next = now + left < *next ? now + left : *next;
      continue;
    }
    any = timer->asked = true;
    if (timer->rule)
      monitors_fire(timer->rule, 0);
    else
      events_request(Event_EVENT_TIMER, 0);
  }
  return any;
}

/* A checkpoint that is due with a rollback waits for that (back_asked). */
static uint64_t due(uint64_t now) {
  uint64_t next = UINT64_MAX;
  if (!ask_for_due(true, now, &next))
    ask_for_due(false, now, &next);
  return next;
}

/* What a checkpoint costs the program is its pause, and the time that the
 * runtime's threads take from the processors it may want. */
static void choose_interval(struct timer *timer, const Statistics *statistics) {
  uint64_t cost = statistics->pause_ns + checkpoint_cpu_ns();
  uint64_t interval = interval_daly(cost, timers.mtbf);
  timer->interval = interval > AUTO_LEAST_NS ? interval : AUTO_LEAST_NS;
}

/* From where it counts how long a checkpoint took. What writing everything took
 * says nothing of the next one, if that is a delta, and the longer it is waited
 * for, the more there is of that. */
static uint64_t paced_from(const struct outcome *outcome,
                           const struct timer *timer, uint64_t now) {
  uint64_t begin = outcome->begin_ns;
  bool base = outcome->result && !outcome->result->generation.parent;
  if (base && !checkpoint_next_is_base() && now - begin > timer->interval)
    begin = now - timer->interval;
  return begin;
}

/* 0: it was not refused. */
static uint64_t retry_after(const struct outcome *outcome,
                            const struct timer *timer) {
  if (!outcome->error || outcome->error->code != HWCKPT_E_NOT_SUPPORTED)
    return 0;
  uint64_t next =
      timer->retry ? 2 * timer->retry : timer->interval / RETRY_PARTS;
  return next < timer->interval ? next : timer->interval;
}

static uint64_t next_due(const struct outcome *outcome,
                         const struct timer *timer, uint64_t now,
                         uint64_t used) {
  uint64_t took = now - outcome->begin_ns; /* the program rests as long */
  if (timer->retry)
    return timer->by_cpu ? used + timer->retry
                         : now + (took > timer->retry ? took : timer->retry);
  return timer->by_cpu ? used + timer->interval
                       : interval_due(paced_from(outcome, timer, now), now,
                                      timer->interval);
}

static void ended(const struct outcome *outcome) {
  uint64_t now = quiesce_now_ns(), used = timers.count ? program_cpu_ns() : 0;
  for (unsigned i = 0; i < timers.count; i++) {
    struct timer *timer = &timers.timer[i];
    if (rolls_back(timer))
      continue;
    if (outcome->back_asked) {
      timer->due = interval_due_back(timer->due, timer->by_cpu ? used : now,
                                     timer->interval);
      continue;
    }
    if (timer->automatic && outcome->result)
      choose_interval(timer, &outcome->result->statistics);
    timer->asked = false;
    timer->on_time = outcome->begin_ns + timer->interval;
    timer->retry = retry_after(outcome, timer);
    timer->due = next_due(outcome, timer, now, used);
  }
}

/* One that rolls back runs from the start, or the last rollback that somebody
 * or a rule asked for. */
static void back_ended(const struct outcome_back *outcome) {
  uint64_t now = quiesce_now_ns(), used = timers.count ? program_cpu_ns() : 0;
  (void)outcome;
  for (unsigned i = 0; i < timers.count; i++) {
    struct timer *timer = &timers.timer[i];
    if (!rolls_back(timer))
      continue;
    timer->asked = false;
    timer->due = (timer->by_cpu ? used : now) + timer->interval;
  }
}

static const struct timer *shortest(void) {
  const struct timer *least = 0;
  for (unsigned i = 0; i < timers.count; i++) {
    const struct timer *timer = &timers.timer[i];
    if (!timer->by_cpu && !rolls_back(timer) &&
        (!least || timer->interval < least->interval))
      least = timer;
  }
  return least;
}

uint64_t timer_interval_ns(void) {
  const struct timer *timer = shortest();
  return timer ? timer->interval : 0;
}

uint64_t timer_delay_ns(uint64_t now_ns) {
  const struct timer *timer = shortest();
  return timer && timer->on_time && now_ns > timer->on_time
             ? now_ns - timer->on_time
             : 0;
}

static void forget(void) { memset(&timers, 0, sizeof timers); }

const struct monitor timer_monitor = {
    .name = "timer",
    .event = Event_EVENT_TIMER,
    .wanted = wanted,
    .start = start,
    .due = due,
    .ended = ended,
    .back_ended = back_ended,
    .forget = forget,
};
