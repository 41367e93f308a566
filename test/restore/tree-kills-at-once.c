// The first thing that a restored process does is to kill others of its
// program, before these have gone on themselves: that is its business, not a
// restore that failed.
// RUN: %behaviour %s -o %t && %restored %t
#include "behaviour.h"
#include <sys/wait.h>
#define CHILDREN 16
int main(void) {
  pid_t child[CHILDREN];
  int status;
  for (int i = 0; i < CHILDREN; i++) {
    child[i] = fork();
    while (!child[i])
      pause();
  }
  int back = came_back();
  for (int i = 0; i < CHILDREN; i++)
    CHECK(kill(child[CHILDREN - 1 - i], SIGKILL) == 0);
  if (!back)
    die();
  for (int i = 0; i < CHILDREN; i++) {
    CHECK(waitpid(child[i], &status, 0) == child[i]);
    CHECK_EQUAL(status, SIGKILL);
  }
  return 0;
}
