/* watch_range.h - ranges of memory that rules and the program have watched:
 * what the monitor (watch_range.c) and those who see writes on the program's
 * threads (watch_calls.c, watch_pages.c) share.
 *
 * A slot is of a rule, by its index, or of a call of hwckpt_watch(). Invariant:
 * a slot's other members are whole before its address is set.
 */
#ifndef HWCKPT_INTERFACE_WATCH_RANGE_H
#define HWCKPT_INTERFACE_WATCH_RANGE_H

#include "../arch/arch.h"
#include "rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_RULES RULES_MAX
#define WATCH_SLOTS (2 * WATCH_RULES) /* bits of a word */

/* What a rule asks for (event_kinds.c). */
enum {
  WATCH_BEFORE = 1,    /* the write waits for the checkpoint */
  WATCH_REGISTERS = 2, /* by nothing else */
  WATCH_PAGES = 4,     /* likewise */
};

enum watch_how {
  WATCH_BY_NOTHING,
  WATCH_BY_REGISTERS,
  WATCH_TO_PAGES, /* by pages from the next watch_pages_protect() on */
  WATCH_BY_PAGES,
};

/* A slot of hwckpt_watch(): claimed and given up by the program's threads, all
 * else is the checkpoint thread's to do. */
enum watch_call {
  CALL_FREE,
  CALL_NEW, /* its caller waits, */
  CALL_WATCHED,
  CALL_REFUSED, /* and is to free it */
  CALL_GONE,    /* hwckpt_unwatch() */
};

/* Who has seen a write. */
enum watch_seer { SEEN_BY_REGISTER, SEEN_BY_CALL, SEEN_BY_PAGE, WATCH_SEERS };

struct watch_range {
  _Atomic uint64_t address; /* 0: free */
  uint64_t length;          /* bytes */
  uint32_t asked;           /* WATCH_BEFORE ... */
  _Atomic uint32_t how;     /* enum watch_how */
  _Atomic uint32_t call;    /* enum watch_call */
  int result;               /* of one that is refused: a negative errno */
};

struct watch_state {
  _Atomic int pid; /* whom it serves */
  struct watch_range ranges[WATCH_SLOTS];
  /* All ranges that are watched are within; both 0: there is none. */
  _Atomic uint64_t low, high;
  _Atomic uint64_t fired[WATCH_SEERS]; /* bit per slot */
  /* Bit per slot that a thread is about to wait for; one of them. */
  _Atomic uint64_t waiting;
  _Atomic uint32_t last_waiting, waiting_seer;
  /* By which the checkpoint thread is told: a bit of a futex. */
  _Atomic uint32_t *word;
  uint32_t bit;
};

extern struct watch_state watch_state;

/* Async-signal-safe, general registers only: tells the checkpoint thread, of
 * all slots (a bit each) that one write was to at once: it is one event. */
void watch_range_fire(uint64_t slots, enum watch_seer seer);

/* Of a detail of EVENT_WATCH: false, it is none of these. */
bool watch_range_describe(uint32_t detail, char *text, size_t size);

/* What asks for the checkpoint that a write has to wait for. In front of a call
 * that is a save, with this in the place of the site's kind (hooks.c). */
#define WATCH_ENTRY_CALL 0xE1u
void watch_range_ask(void);

#endif
