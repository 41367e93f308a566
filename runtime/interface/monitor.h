/* monitor.h - event monitors: what watches for one kind of checkpoint event.
 *
 * A monitor is a file and a row in monitors.c. It asks for a checkpoint with
 * monitors_fire(), by the rule that it watches for, or with events_request().
 * Any number is active at once. What rules look like, and what each kind costs,
 * is in rules.h and event_kinds.c.
 *
 * Invariant: starting happens on the checkpoint thread, whose table of
 * descriptors is its own, so that the program sees and closes none of a
 * monitor's. What waits for descriptors is the watcher's (watcher.h), who has
 * the same table. Functions that a monitor has no use for are null.
 */
#ifndef HWCKPT_INTERFACE_MONITOR_H
#define HWCKPT_INTERFACE_MONITOR_H

#include "../support/checkpoint.h"
#include "events.h"
#include "rules.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* What became of what events asked for. */
struct outcome {
  uint64_t begin_ns;                      /* when it was begun */
  const struct checkpoint_result *result; /* null: none was taken, */
  const struct hwckpt_error *error;       /* for this reason; null: rolled back
                                           */
  bool back_asked; /* by a rule or somebody outside, not by the program */
};

/* What became of a rollback that a rule or somebody outside asked for. */
struct outcome_back {
  const char *application;
  uint64_t generation;              /* that it went back to */
  const struct hwckpt_error *error; /* null: none */
};

struct monitor {
  const char *name;
  Event event; /* the one it asks for */
  /* Whether there is something to watch for; on any thread. */
  bool (*wanted)(void);
  /* Begins to watch, or watches for what has changed meanwhile: it may be told
   * again at any time. What it cannot watch it leaves out, and says so. */
  void (*start)(const struct hwckpt_options *options);
  /* In SIGTRAP's handler, of a trap that a perf event sent: whether it is this
   * monitor's. */
  bool (*trap)(const siginfo_t *info);
  /* The following on the checkpoint thread. Of one that goes by the clock: asks
   * for what is due by now; when it wants to be asked next, UINT64_MAX: after
   * the next checkpoint. */
  uint64_t (*due)(uint64_t now_ns);
  /* Whether somebody waits for an answer, whatever the option spacing says. */
  bool (*waits)(void);
  /* A checkpoint begins, which serves all that was asked for until now; */
  void (*begun)(void);
  /* and what became of it. */
  void (*ended)(const struct outcome *outcome);
  /* The same of a rollback (rollbacks.h). */
  void (*back_begun)(void);
  void (*back_ended)(const struct outcome_back *outcome);
  /* What caused an event, for people; detail is what it was asked for with.
   * Null, and for what a rule asked for: the rule. */
  void (*describe)(uint32_t detail, char *text, size_t size);
  /* The program ends, and all that it has with it: takes away what would stay.
   * On a thread of its own. */
  void (*stop)(void);
  /* In the restored program: nothing is started. */
  void (*forget)(void);
};

extern const struct monitor watch_monitor;    /* watch.c */
extern const struct monitor range_monitor;    /* watch_range.c */
extern const struct monitor timer_monitor;    /* timer.c */
extern const struct monitor signal_monitor;   /* signals.c */
extern const struct monitor command_monitor;  /* asked.c */
extern const struct monitor counter_monitor;  /* counter.c */
extern const struct monitor pressure_monitor; /* pressure.c */
extern const struct monitor trigger_monitor;  /* trigger.c */
extern const struct monitor io_monitor;       /* io.c */
extern const struct monitor control_monitor;  /* control.c */
extern const struct monitor hang_monitor;     /* hang.c */

/* At the start, and in a program that came back: reads the rules, and tells
 * what is wrong with one. */
void monitors_read_rules(const char *on,
                         void (*wrong)(const struct hwckpt_error *error));
const struct rules *monitors_rules(void);
/* This process is one of a tree, and not the first: time, the machine, files
 * and sockets are watched by that for all. */
void monitors_of_member(bool member);
/* Whether a process that this one forks would have something to watch for that
 * it does not inherit. */
bool monitors_wanted_in_children(void);
/* The next rule of a kind after this, null: the first. Null: no more. */
const struct rule *monitors_next_rule(const struct event_kind *kind,
                                      const struct rule *after);

static inline uint32_t monitors_index(const struct rule *rule) {
  return (uint32_t)(rule - monitors_rules()->rule);
}

/* On the checkpoint thread: a rule cannot be watched for, by a negative errno;
 * which is said, and the program goes on without it. */
void monitors_refuse(const struct rule *rule, long number, const char *what);

/* What a rule watches for has happened: asks for a checkpoint, or a rollback,
 * by what the rule says. Async-signal-safe. `extra` (24 bits)
 * is for the monitor that describes it. 0 or a negative errno. */
int monitors_fire(const struct rule *rule, uint32_t extra);
/* Of a detail: the rule that asked with it, null: none did; and its extra. */
const struct rule *monitors_rule_of(uint32_t detail);
#define MONITORS_EXTRA(detail) ((detail) & 0xffffffu)
static inline uint32_t monitors_detail(const struct rule *rule,
                                       uint32_t extra) {
  return (monitors_index(rule) + 1) << 24 | MONITORS_EXTRA(extra);
}

bool monitors_wanted(void);
void monitors_start(const struct hwckpt_options *options);
void monitors_stop(void);
bool monitors_trap(const siginfo_t *info);
uint64_t monitors_due(uint64_t now_ns);
/* While a checkpoint waits for a site: the timers, and what was held back. */
void monitors_due_by_clock(uint64_t now_ns);
bool monitors_wait(void);
/* Of the event, *known: whether a monitor of it can tell. */
bool monitors_wait_for(Event event, bool *known);
/* Bits of the events whose rules held them back: they are served too. */
uint32_t monitors_begun(void);
void monitors_ended(const struct outcome *outcome);
void monitors_back_begun(void);
void monitors_back_ended(const struct outcome_back *outcome);
/* For how long a site is waited for, by the rules that have asked; 0: not. */
uint64_t monitors_site_ns(void);
/* "" for an event that no monitor asks for. */
void monitors_describe(Event event, uint32_t detail, char *text, size_t size);
void monitors_forget(void);

#endif
