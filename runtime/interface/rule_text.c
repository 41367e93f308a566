/* rule_text.c - see rule_text.h. */
#include "rule_text.h"

#include <signal.h>
#include <string.h>

struct part part_of(const char *text) {
  return (struct part){text, strlen(text)};
}

struct part part_split(struct part *rest, char separator) {
  struct part first = {rest->text, 0};
  while (first.length < rest->length && first.text[first.length] != separator)
    first.length++;
  size_t gone = first.length + (first.length < rest->length);
  rest->text += gone;
  rest->length -= gone;
  return first;
}

bool part_begins(struct part part, const char *prefix) {
  size_t length = strlen(prefix);
  return part.length >= length && memcmp(part.text, prefix, length) == 0;
}

bool part_is(struct part part, const char *word) {
  return part.length == strlen(word) && part_begins(part, word);
}

bool part_copy(struct part part, char *to, size_t size) {
  if (part.length >= size)
    return false;
  memcpy(to, part.text, part.length);
  to[part.length] = 0;
  return true;
}

int part_word(struct part part, const char *const *words) {
  for (int i = 0; words[i]; i++)
    if (part_is(part, words[i]))
      return i;
  return -1;
}

/* Takes the digits off; false: there are none, or too many. */
static bool take_digits(struct part *part, uint64_t *number, uint64_t *scale) {
  size_t before = part->length;
  for (*number = 0, *scale = 1;
       part->length && *part->text >= '0' && *part->text <= '9';
       part->text++, part->length--)
    if (__builtin_mul_overflow(*number, 10, number) ||
        __builtin_add_overflow(*number, (uint64_t)(*part->text - '0'),
                               number) ||
        __builtin_mul_overflow(*scale, 10, scale))
      return false;
  return part->length < before;
}

struct unit {
  const char *name;
  uint64_t factor;
};

static bool in_units(struct part part, const struct unit *units,
                     uint64_t *value) {
  uint64_t whole, fraction = 0, scale;
  if (!take_digits(&part, &whole, &scale))
    return false;
  scale = 1;
  if (part.length && *part.text == '.') {
    part.text++, part.length--;
    /* An hour has 3.6e12 ns: with 6 digits the product below fits. */
    if (!take_digits(&part, &fraction, &scale) || scale > 1000000)
      return false;
  }
  for (; units->name; units++)
    if (part_is(part, units->name))
      return !__builtin_mul_overflow(whole, units->factor, value) &&
             !__builtin_add_overflow(*value, fraction * units->factor / scale,
                                     value) &&
             *value != 0;
  return false;
}

bool part_duration(struct part part, uint64_t *nanoseconds) {
  static const struct unit units[] = {{"", 1000000000},     {"ns", 1},
                                      {"us", 1000},         {"ms", 1000000},
                                      {"s", 1000000000},    {"m", 60000000000},
                                      {"h", 3600000000000}, {0, 0}};
  return in_units(part, units, nanoseconds);
}

bool part_count(struct part part, uint64_t *count) {
  static const struct unit units[] = {
      {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {0, 0}};
  return in_units(part, units, count);
}

bool part_bytes(struct part part, uint64_t *bytes) {
  static const struct unit units[] = {
      {"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {0, 0}};
  return in_units(part, units, bytes);
}

static const struct {
  const char *name;
  int number;
} signal_names[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},       {"QUIT", SIGQUIT},
    {"ABRT", SIGABRT},     {"BUS", SIGBUS},       {"FPE", SIGFPE},
    {"USR1", SIGUSR1},     {"SEGV", SIGSEGV},     {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE},     {"ALRM", SIGALRM},     {"TERM", SIGTERM},
    {"CHLD", SIGCHLD},     {"STKFLT", SIGSTKFLT}, {"CONT", SIGCONT},
    {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},
    {"URG", SIGURG},       {"XCPU", SIGXCPU},     {"XFSZ", SIGXFSZ},
    {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},     {"WINCH", SIGWINCH},
    {"IO", SIGIO},         {"POLL", SIGIO},       {"PWR", SIGPWR},
};

bool part_signal(struct part part, uint64_t *number) {
  if (part_begins(part, "SIG"))
    part = (struct part){part.text + 3, part.length - 3};
  for (size_t i = 0; i < sizeof signal_names / sizeof *signal_names; i++)
    if (part_is(part, signal_names[i].name)) {
      *number = (uint64_t)signal_names[i].number;
      return true;
    }
  uint64_t base = 0;
  if (part_is(part, "RTMIN") || part_is(part, "RTMAX")) {
    *number = part.text[4] == 'I' ? SIGNAL_FIRST_REALTIME : SIGNAL_LAST;
    return true;
  }
  if (part_begins(part, "RTMIN+")) {
    part = (struct part){part.text + 6, part.length - 6};
    base = SIGNAL_FIRST_REALTIME;
  }
  uint64_t scale;
  return take_digits(&part, number, &scale) && part.length == 0 &&
         *number <= SIGNAL_LAST && signal_can_ask(*number += base);
}
