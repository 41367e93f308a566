/* rules.h - what the option `on` says: an event, and when a checkpoint follows.
 *
 *   NAME[=ARGUMENTS][,spacing=DUR][,site=DUR][,then=rollback]
 *
 * NAME is that of an event kind; it understands its arguments. spacing: none
 * sooner than this after the begin of the last checkpoint. site: at the next
 * annotated site, if a thread comes to one within that time. then=rollback: no
 * checkpoint follows, but a rollback to the last. docs/events.md.
 *
 * Linked by the runtime and by the command line, which refuses a bad rule
 * before the program starts: no libc, no state. Kinds are rows and functions in
 * event_kinds.c; what watches for them is a monitor (monitor.h).
 */
#ifndef HWCKPT_INTERFACE_RULES_H
#define HWCKPT_INTERFACE_RULES_H

#include "../error.h"
#include "rule_text.h"

#include <stdint.h>

#define RULES_MAX 32u
#define RULE_TEXT 256

struct rule {
  const struct event_kind *kind;
  uint64_t spacing_ns, site_ns; /* 0: none */
  bool rolls_back;
  /* What else there is means what the kind says. */
  uint64_t value;       /* nanoseconds, a count, bytes, a signal, an address */
  uint64_t second;      /* a window in nanoseconds, a length */
  uint32_t word;        /* which of the kind's words */
  char name[RULE_TEXT]; /* a path, the name of a counter, a symbol */
  char text[RULE_TEXT]; /* the whole rule, as it was written */
};

struct rules {
  struct rule rule[RULES_MAX];
  unsigned count;
};

/* One kind of event, for people and for who reads rules. */
struct event_kind {
  const char *name;   /* in front of '=' */
  int event;          /* an Event (records.proto) */
  const char *syntax; /* as in "every=DUR" */
  const char *what;   /* the event, in a line */
  const char *idle;   /* what it costs the program while nothing happens, */
  const char *each;   /* and for each thing it looks at */
  const char *needs;  /* rights and machine */
  /* Reads arguments into *rule; null, or what would fit instead of what is
   * wrong. *arguments is then the part that is wrong. */
  const char *(*parse)(struct part *arguments, struct rule *rule);
};

extern const struct event_kind *const event_kinds[]; /* ends with null */

extern const struct event_kind kind_every, kind_cpu, kind_signal, kind_exit,
    kind_llc, kind_instructions, kind_perf, kind_pressure, kind_file,
    kind_control, kind_network, kind_fileio, kind_before, kind_watch;

/* Reads one rule. Fails with HWCKPT_E_RULE, which says where and what. */
int rules_parse(struct part text, struct rule *rule,
                struct hwckpt_error *error);

/* The rule cannot be watched for here, by a negative errno; what: of what. */
int rules_refuse(const struct rule *rule, long number, const char *what,
                 struct hwckpt_error *error);

/* The text that /proc/pressure takes for a rule of that kind; its length. */
size_t rules_pressure(const struct rule *rule, char *text, size_t size);
/* Of a negative errno of that: what is wrong, for rules_refuse(). */
const char *rules_pressure_refused(long number, const char *path);

/* Reads all, a line each. What is wrong is left out and told, and what is one
 * too many; the same rule again is no further one. */
void rules_read(const char *lines, struct rules *rules,
                void (*wrong)(const struct hwckpt_error *error));

#endif
