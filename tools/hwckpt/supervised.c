/* supervised.c - see supervised.h. */
#include "supervised.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

static int supervisor = -1;

bool supervised_by(const char *descriptor) {
  char *end;
  unsigned long number = strtoul(descriptor, &end, 10);
  if (*descriptor < '0' || *descriptor > '9' || *end || number > 1u << 20 ||
      fcntl((int)number, F_SETFD, FD_CLOEXEC))
    return false;
  supervisor = (int)number;
  return true;
}

bool supervised(void) { return supervisor >= 0; }

void supervised_runs(uint64_t generation, pid_t program) {
  const struct supervised_report report = {generation, program};
  if (supervised())
    send(supervisor, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void supervised_pass_on(void) {
  if (supervised())
    fcntl(supervisor, F_SETFD, 0);
}
