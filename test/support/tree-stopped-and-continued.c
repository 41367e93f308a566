// A child that its parent stops and continues all the time is no obstacle to
// checkpoints, and the parent is told of each stop meanwhile.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run -o every=3ms -- %t
#include "behaviour.h"
#include <sys/wait.h>

int main(void) {
  int status;
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child)
    for (;;)
      pause();
  for (double begin = now(); generations() < 3;) {
    CHECK(now() - begin < 30);
    CHECK_EQUAL(kill(child, SIGSTOP), 0);
    CHECK_EQUAL(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQUAL(kill(child, SIGCONT), 0);
  }
  CHECK_EQUAL(kill(child, SIGKILL), 0);
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  return 0;
}
