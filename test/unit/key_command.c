/* A command that is to write the key is given up, and ended, when it has
 * neither written nor ended for as long as its caller has patience: before its
 * first byte, between two, and when it has closed its output. One that takes
 * its time is waited for. */
// RUN: %unit/key_command
// RUN: %unit/sanitized/key_command
/* NOLINTNEXTLINE(bugprone-suspicious-include): what the other one calls */
#include "../../runtime/arch/x86_64/thread.c"
/* NOLINTNEXTLINE(bugprone-suspicious-include): what it calls is below */
#include "../../runtime/support/key_source.c"

#include "Inputs/unit.h"

#include <unistd.h>

void *private_map(size_t length) { return unit_map(length); }
void private_unmap(void *address, size_t length) {
  unit_unmap(address, length);
}

/* One 20th of a second, and longer than any machine takes to start a shell. */
static const struct timespec soon = {0, 50000000}, late = {300, 0};

static void nothing_is_left(void) {
  CHECK(waitpid(-1, NULL, __WALL | WNOHANG) == -1 && errno == ECHILD);
  CHECK(unit_mapped() == 0);
}

static void given_up(const char *command, int number, const char *detail) {
  struct cache_key key;
  CHECK_ERROR(key_source_command(command, &soon, &key, &unit_error),
              KEY_SOURCE);
  if (unit_error.sys_errno != number || strcmp(unit_error.detail, detail) != 0)
    unit_print(&unit_error);
  CHECK(unit_error.sys_errno == number && !strcmp(unit_error.detail, detail));
  nothing_is_left();
}

static void waited_for(const char *command) {
  static const unsigned char secret[32];
  struct cache_key key, made;
  CHECK_OK(key_source_command(command, &late, &key, &unit_error));
  CHECK(secret_to_key(secret, sizeof secret, &made));
  CHECK(!memcmp(key.bytes, made.bytes, sizeof made.bytes));
  nothing_is_left();
}

int main(void) {
  alarm(120); /* waited for without end: the signal ends the test */
  given_up("exec sleep 1000", ETIMEDOUT, "read");
  given_up("head -c 31 /dev/zero; exec sleep 1000", ETIMEDOUT, "read");
  given_up("head -c 32 /dev/zero; exec sleep 1000 >/dev/null", 0, "it failed");
  waited_for("head -c 32 /dev/zero");
  waited_for("head -c 1 /dev/zero; sleep 0.2; head -c 31 /dev/zero");
  waited_for("head -c 32 /dev/zero; exec >/dev/null; sleep 0.2");
  return 0;
}
