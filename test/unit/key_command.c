/* A command that is to write the key is given up, and ended, when it has
 * neither written nor ended for as long as its caller has patience: before its
 * first byte, between two, and when it has closed its output; with all that
 * descends from it. One that takes its time is waited for. Of none does who
 * started it get a signal. */
// RUN: %unit/key_command
// RUN: %unit/sanitized/key_command
/* NOLINTNEXTLINE(bugprone-suspicious-include): what the other one calls */
#include "../../runtime/arch/x86_64/thread.c"
/* NOLINTNEXTLINE(bugprone-suspicious-include): likewise */
#include "../../runtime/support/key_command.c"
/* NOLINTNEXTLINE(bugprone-suspicious-include): what it calls is below */
#include "../../runtime/support/key_source.c"

#include "Inputs/unit.h"

#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
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
  CHECK_ERROR(key_source_command(command, "/", &soon, &key, &unit_error),
              KEY_SOURCE);
  if (unit_error.sys_errno != number || strcmp(unit_error.detail, detail) != 0)
    unit_print(&unit_error);
  CHECK(unit_error.sys_errno == number && !strcmp(unit_error.detail, detail));
  nothing_is_left();
}

static void waited_for(const char *command) {
  static const unsigned char secret[32];
  struct cache_key key, made;
  CHECK_OK(key_source_command(command, "/", &late, &key, &unit_error));
  CHECK(secret_to_key(secret, sizeof secret, &made));
  CHECK(!memcmp(key.bytes, made.bytes, sizeof made.bytes));
  nothing_is_left();
}

/* In a pipeline, in a session of its own and an orphan, one that a signal does
 * not end, and beside a command that has ended; each says that it is there, and
 * keeps the file open. */
static void with_family(const char *fifo, const char *end, const char *detail) {
  static const char members[] =
      "{ printf a >&9; sleep 1000; } | cat & "
      "setsid sh -c 'printf b >&9; exec sleep 1000' & "
      "(trap '' HUP INT QUIT TERM; (printf c >&9; exec sleep 1000) &) & ";
  char command[1024], said[8];
  ssize_t length = 0;
  for (long ms = 100; length != 3; ms *= 2) {
    const struct timespec patience = {ms / 1000, ms % 1000 * 1000000};
    struct cache_key key;
    int fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(fd >= 0);
    snprintf(command, sizeof command, "exec 9>%s; %s %s", fifo, members, end);
    CHECK_ERROR(key_source_command(command, "/", &patience, &key, &unit_error),
                KEY_SOURCE);
    CHECK(!strcmp(unit_error.detail, detail));
    nothing_is_left();
    length = read(fd, said, sizeof said);
    /* Its end: nobody has it open any more. */
    CHECK(length >= 0 && read(fd, said, sizeof said) == 0);
    close(fd);
  }
}

static volatile sig_atomic_t told;
static void tell(int signal) {
  (void)signal;
  told = 1;
}

int main(void) {
  char fifo[PATH_MAX];
  alarm(120); /* waited for without end: the signal ends the test */
  CHECK(signal(SIGCHLD, tell) != SIG_ERR);
  snprintf(fifo, sizeof fifo, "%s", unit_path("fifo"));
  CHECK(mkfifo(fifo, 0600) == 0);
  given_up("exec sleep 1000", ETIMEDOUT, "read");
  given_up("head -c 31 /dev/zero; exec sleep 1000", ETIMEDOUT, "read");
  given_up("head -c 32 /dev/zero; exec sleep 1000 >/dev/null", 0, "it failed");
  waited_for("head -c 32 /dev/zero");
  waited_for("head -c 1 /dev/zero; sleep 0.2; head -c 31 /dev/zero");
  waited_for("head -c 32 /dev/zero; exec >/dev/null; sleep 0.2");
  with_family(fifo, "sleep 1000", "read");
  with_family(fifo, "", "read");
  with_family(fifo, "head -c 4097 /dev/zero; exec sleep 1000",
              "it is to be 32 to 4096 bytes");
  CHECK(!told);
  return 0;
}
