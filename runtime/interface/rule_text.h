/* rule_text.h - reading the parts of a rule: durations, counts, bytes, signals,
 * words.
 *
 * Linked by the runtime and by the command line: no libc, no state. A part is a
 * text with its length, as it stands in the rule.
 */
#ifndef HWCKPT_INTERFACE_RULE_TEXT_H
#define HWCKPT_INTERFACE_RULE_TEXT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct part {
  const char *text;
  size_t length;
};

struct part part_of(const char *text);
/* Takes off what is in front of the first `separator`, which goes as well; all
 * when there is none. */
struct part part_split(struct part *rest, char separator);
bool part_is(struct part part, const char *word);
bool part_begins(struct part part, const char *prefix);
/* Copies it, terminated; false: it does not fit. */
bool part_copy(struct part part, char *to, size_t size);

/* 500us, 20ms, 1s, 1.5s, 5m, 1h; a bare number is seconds. Not 0. */
bool part_duration(struct part part, uint64_t *nanoseconds);
/* 1000, 50k, 2M, 1G: powers of 1000. Not 0. */
bool part_count(struct part part, uint64_t *count);
/* 4096, 64K, 1M, 1G: powers of 1024. Not 0. */
bool part_bytes(struct part part, uint64_t *bytes);

#define SIGNAL_LAST 64u
#define SIGNAL_FIRST_REALTIME 34u /* SIGRTMIN of libc, which keeps two */

/* Whether a signal can ask for a checkpoint: not what nobody handles, nor what
 * the runtime and libc do themselves. */
static inline bool signal_can_ask(uint64_t number) {
  return number > 0 && number <= SIGNAL_LAST && number != SIGKILL &&
         number != SIGSTOP && number != SIGTRAP && number != SIGILL &&
         number != SIGSYS && (number < 32 || number >= SIGNAL_FIRST_REALTIME);
}

/* A name, with or without SIG, RTMIN+3, or a number; one that can be handled.
 */
bool part_signal(struct part part, uint64_t *number);
/* The place in a list that ends with a null pointer, or -1. */
int part_word(struct part part, const char *const *words);

#endif
