/* standard_settings.c - what the program set (termios) for the terminal that is
 * its standard input, output or error: the terminal of who restores has it too,
 * if the program is in front there. One that the program found so and left so
 * is as it is for who restores. */
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "resource.h"
#include "terminal_content.h"

#include <string.h>
#include <sys/ioctl.h>

#define STANDARD 3

/* As the program was started. */
static LIVE struct {
  struct terminal_settings settings;
  bool known;
} first[STANDARD];

static void begin(void) {
  for (int i = 0; i < STANDARD; i++)
    first[i].known = terminal_get(i, &first[i].settings) == 0;
}

static bool differ(const struct terminal_settings *one,
                   const struct terminal_settings *other) {
  return memcmp(one, other, sizeof(*one)) != 0;
}

/* Of the first that is one. */
static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  int number = 0;
  while (number < STANDARD && !first[number].known)
    number++;
  long own = number < STANDARD ? borrow_number(sink, number) : -1;
  if (own < 0)
    return 0;
  struct terminal_settings now;
  TerminalState message = {.number = number, .settings.size = sizeof(now)};
  long result = terminal_get((int)own, &now);
  SYS(close, own);
  if (result < 0 || !differ(&now, &first[number].settings))
    return 0;
  memcpy(message.settings.bytes, &now, sizeof(now));
  return resource_put(sink, RECORD_TERMINAL_STATE, TerminalState_fields,
                      &message, error);
}

static bool is_in_front(int terminal) {
  int front = 0;
  return SYS(ioctl, terminal, TIOCGPGRP, &front) == 0 &&
         front == SYS(getpgid, 0);
}

/* All signals are blocked, SIGTTOU too. */
static int finish(struct resource_source *source, struct hwckpt_error *error) {
  TerminalState message;
  struct terminal_settings then, now;
  size_t at = (size_t)-1;
  if (source->rolls_back || !resource_next(source, RECORD_TERMINAL_STATE, &at))
    return 0;
  int failed =
      resource_get(&source->records[at], TerminalState_fields, &message, error);
  if (failed)
    return failed;
  if (message.number < 0 || message.number >= STANDARD ||
      message.settings.size != sizeof(then))
    return hwckpt_fail(error, HWCKPT_E_RECORD, 0, "TerminalState",
                       "of descriptor %d", (int)message.number);
  memcpy(&then, message.settings.bytes, sizeof(then));
  if (terminal_get(message.number, &now) < 0 || !differ(&then, &now) ||
      !is_in_front(message.number))
    return 0;
  long result = terminal_set(message.number, &then);
  if (result < 0)
    resource_not_set(source, result, "terminal", "descriptor %d",
                     (int)message.number);
  return 0;
}

const struct resource_kind hwckpt_resource_standard_settings = {
    .name = "settings of the terminal",
    .begin = begin,
    .save = save,
    .finish = finish,
};
