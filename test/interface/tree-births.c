// Programs that are started and end all the time, by posix_spawn(), fork and
// vfork, are not harmed by checkpoints that begin as they do.
// RUN: %behaviour %s -o %t && %hwckpt run -o every=1ms -- %t
#include "behaviour.h"
#include <spawn.h>
#include <sys/wait.h>
static pid_t start(int how) {
  static char *const arguments[] = {"true", NULL};
  pid_t child = -1;
  if (how == 0) {
    CHECK_EQUAL(posix_spawnp(&child, "true", NULL, NULL, arguments, environ),
                0);
    return child;
  }
  child = how == 1 ? fork() : vfork();
  if (child)
    return child;
  execvp("true", arguments);
  _exit(1);
}
int main(void) {
  for (int i = 0; i < 400; i++) {
    pid_t both[2] = {start(0), start(i % 3)};
    for (int j = 0; j < 2; j++) {
      int status;
      CHECK_EQUAL(waitpid(both[j], &status, 0), both[j]);
      CHECK_EQUAL(status, 0);
    }
  }
  return 0;
}
