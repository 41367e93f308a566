/* watch_range.h - ranges of memory that rules and the program have watched:
 * what the monitor (watch_range.c) and those who see writes on the program's
 * threads (watch_calls.c) share.
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
};

enum watch_how { WATCH_BY_NOTHING, WATCH_BY_REGISTERS };

/* Who has seen a write. */
enum watch_seer { SEEN_BY_REGISTER, SEEN_BY_CALL, WATCH_SEERS };

struct watch_range {
  _Atomic uint64_t address; /* 0: free */
  uint64_t length;          /* bytes */
  uint32_t asked;           /* WATCH_BEFORE ... */
  _Atomic uint32_t how;     /* enum watch_how */
};

struct watch_state {
  _Atomic int pid; /* whom it serves */
  struct watch_range ranges[WATCH_SLOTS];
  /* All ranges that are watched are within; both 0: there is none. */
  _Atomic uint64_t low, high;
  _Atomic uint64_t fired[WATCH_SEERS]; /* bit per slot */
  /* Bit per slot that a thread is about to wait for; one of them. */
  _Atomic uint64_t waiting;
  _Atomic uint32_t last_waiting;
  /* By which the checkpoint thread is told: a bit of a futex. */
  _Atomic uint32_t *word;
  uint32_t bit;
};

extern struct watch_state watch_state;

/* Async-signal-safe, general registers only: tells the checkpoint thread. */
void watch_range_fire(unsigned slot, enum watch_seer seer);

/* Of a detail of EVENT_WATCH: false, it is none of these. */
bool watch_range_describe(uint32_t detail, char *text, size_t size);

/* ---- watch_calls.c ---- */

/* Whether a system call of that number may write to the program's memory. */
bool watch_calls_want(uint32_t number);
/* The listener (calls.h). */
void watch_calls_before(const struct arch_call *call);
/* On the checkpoint thread: looks whether calls have changed what they were
 * given. When to look again, UINT64_MAX: none is on its way. */
uint64_t watch_calls_look(uint64_t now_ns);
/* A checkpoint begins. */
void watch_calls_begun(void);
/* In a process that has none on its way. */
void watch_calls_forget(void);

/* What the save in front of a call asks for, whose write has to wait: it is
 * executed with this in the place of the site's kind, and handled by hooks.c.
 */
#define WATCH_ENTRY_CALL 0xE1u
void watch_range_ask(void);

#endif
