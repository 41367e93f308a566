/* After which ends a program is restarted, what counts as one more failure in a
 * row, and how long each next try waits. */
// RUN: %unit/restart_policy
// RUN: %unit/sanitized/restart_policy
#include "../../tools/hwckpt/restart_policy.c"
#include "Inputs/unit.h"

#define ENDED(status) ((status) << 8)

static bool parsed(const char *text, enum restart_when when, unsigned limit) {
  struct restart restart = {0};
  return restart_parse(text, &restart) && restart.when == when &&
         restart.limit == limit;
}

static void words(void) {
  static const char *const wrong[] = {"",
                                      "sometimes",
                                      "on-failure:",
                                      "on-failure:0",
                                      "on-failur",
                                      "on-failure:-1",
                                      "on-failure:1000001",
                                      "on-failure:2x",
                                      "on-failure2",
                                      "always:2",
                                      "on-failure: 2",
                                      "never:1"};
  struct restart restart;
  CHECK(parsed("never", RESTART_NEVER, 5));
  CHECK(parsed("always", RESTART_ALWAYS, 5));
  CHECK(parsed("on-failure", RESTART_ON_FAILURE, 5));
  CHECK(parsed("on-failure:1", RESTART_ON_FAILURE, 1));
  CHECK(parsed("on-failure:1000000", RESTART_ON_FAILURE, 1000000));
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
    CHECK(!restart_parse(wrong[i], &restart));
}

static void ends(void) {
  const struct restart failure = {.when = RESTART_ON_FAILURE},
                       always = {.when = RESTART_ALWAYS};
  CHECK(!restart_is_failure(&failure, 0) && restart_is_failure(&always, 0));
  CHECK(!restart_is_failure(&failure, ENDED(85)));
  CHECK(!restart_is_failure(&always, ENDED(85)));
  for (int status = 1; status < 256; status++)
    CHECK(restart_is_failure(&failure, ENDED(status)) == (status != 85));
  for (int number = 1; number < 65; number++)
    CHECK(restart_is_failure(&failure, number));
}

/* From 60 s on a run has been long enough, however far it came. */
static void rows(void) {
  CHECK(restart_in_a_row(0, 0, false) == 1);
  CHECK(restart_in_a_row(1, 0, false) == 2);
  CHECK(restart_in_a_row(4, 59999999999, false) == 5);
  CHECK(restart_in_a_row(4, 60000000000, false) == 1);
  CHECK(restart_in_a_row(4, UINT64_MAX, false) == 1);
  CHECK(restart_in_a_row(4, 0, true) == 1);
}

static void pauses(void) {
  static const unsigned seconds[] = {0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60};
  for (unsigned i = 0; i < sizeof seconds / sizeof *seconds; i++)
    CHECK(restart_pause_ns(i) == seconds[i] * SECOND);
  CHECK(restart_pause_ns(1000000) == 60 * SECOND);
}

int main(void) {
  words();
  ends();
  rows();
  pauses();
  return 0;
}
