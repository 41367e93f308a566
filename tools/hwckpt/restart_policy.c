/* restart_policy.c - see restart_policy.h. */
#include "restart_policy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SECOND UINT64_C(1000000000)
/* A failure so soon after the program began to run is one more in a row, unless
 * it got farther than ever: what it went on from may be bad. */
#define SOON_NS (60 * SECOND)
#define LONGEST_PAUSE_NS (60 * SECOND)
#define LIMIT 5u
#define LIMIT_MOST 1000000u

bool restart_parse(const char *text, struct restart *restart) {
  static const char prefix[] = "on-failure";
  char *end;
  restart->limit = LIMIT;
  restart->when = !strcmp(text, "never")    ? RESTART_NEVER
                  : !strcmp(text, "always") ? RESTART_ALWAYS
                                            : RESTART_ON_FAILURE;
  if (restart->when != RESTART_ON_FAILURE || !strcmp(text, prefix))
    return true;
  size_t length = sizeof prefix - 1;
  if (strncmp(text, prefix, length) != 0 || text[length] != ':')
    return false;
  unsigned long limit = strtoul(text + length + 1, &end, 10);
  restart->limit = (unsigned)limit;
  return text[length + 1] >= '0' && text[length + 1] <= '9' && !*end && limit &&
         limit <= LIMIT_MOST;
}

bool restart_is_failure(const struct restart *restart, int status) {
  if (WIFSIGNALED(status))
    return true;
  int with = WEXITSTATUS(status);
  return with ? with != RESTART_CHECKPOINTED : restart->when == RESTART_ALWAYS;
}

unsigned restart_in_a_row(unsigned before, uint64_t lasted_ns, bool farther) {
  return farther || lasted_ns >= SOON_NS ? 1 : before + 1;
}

uint64_t restart_pause_ns(unsigned failures) {
  uint64_t pause = failures < 2    ? 0
                   : failures > 10 ? LONGEST_PAUSE_NS
                                   : SECOND << (failures - 2);
  return pause < LONGEST_PAUSE_NS ? pause : LONGEST_PAUSE_NS;
}
