// A device that is a standard descriptor of one process and that another has
// under a higher number, as shells keep it, is shared again; with a descriptor
// of a terminal likewise nobody waits for ever.
// RUN: %behaviour %s -o %t && %restored -- %t
// RUN: %python -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' env HWCKPT_CACHE=%t.cache %restored -- %t terminal
// RUN: rm -rf %t.cache
#include "behaviour.h"
#include <sys/wait.h>
int main(int argc, char **argv) {
  int status, ends[2];
  char byte;
  (void)argv;
  if (argc == 1) {
    int null = open("/dev/null", O_RDWR | O_APPEND);
    CHECK(null >= 0 && dup2(null, 0) == 0 && close(null) == 0);
  }
  CHECK_EQUAL(pipe(ends), 0);
  pid_t child = fork();
  if (!child) {
    int kept = fcntl(0, F_DUPFD_CLOEXEC, 10);
    CHECK(kept >= 10 && dup2(ends[0], 0) == 0 && close(ends[1]) == 0);
    CHECK(read(0, &byte, 1) == 1);
    CHECK_EQUAL(fcntl(kept, F_GETFD), FD_CLOEXEC);
    CHECK(argc > 1 ||
          (fcntl(kept, F_GETFL) & O_APPEND && write(kept, "x", 1) == 1));
    _exit(5);
  }
  die_and_come_back();
  if (argc == 1) {
    CHECK(fcntl(0, F_GETFL) & O_APPEND);
    CHECK(read(0, &byte, 1) == 0);
  }
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
  CHECK_EQUAL(WEXITSTATUS(status), 5);
  return 0;
}
