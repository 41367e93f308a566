// How children that nobody waited for have ended is known after two restores.
// RUN: %behaviour %s -o %t && %by_all sh -c '! %restored -- %t && %hwckpt restore'
#include "behaviour.h"
#include <sys/wait.h>

static pid_t end_by(int number) {
  siginfo_t info;
  pid_t child = fork();
  CHECK(child >= 0);
  if (!child) {
    raise(number);
    _exit(number);
  }
  CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
  return child;
}

int main(void) {
  int status;
  const int numbers[] = {SIGTERM, SIGKILL, 0};
  pid_t children[3];
  for (int i = 0; i < 3; i++)
    children[i] = end_by(numbers[i]);
  die_and_come_back();
  die_and_come_back();
  for (int i = 0; i < 3; i++) {
    CHECK_EQUAL(waitpid(children[i], &status, 0), children[i]);
    CHECK_EQUAL(status, numbers[i]);
  }
  return 0;
}
