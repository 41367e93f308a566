// A tree of processes is restored with its ids and under its name, or not at
// all; then nothing is changed, and it can be restored as it should be.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run -- %t > %t.run 2>&1; test $? = 137
// RUN: %hwckpt restore --pid=any > %t.any 2>&1; test $? = 125 && grep -q HWCKPT-E345 %t.any
// RUN: %hwckpt restore --name other > %t.name 2>&1; test $? = 125 && grep -q HWCKPT-E345 %t.name
// RUN: %hwckpt restore
#include "behaviour.h"
#include <sys/wait.h>
int main(void) {
  int ends[2], status;
  char byte;
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (!child) {
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 1 ? 5 : 6);
  }
  close(ends[0]);
  if (!came_back()) {
    kill(child, SIGKILL);
    die();
  }
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5);
  return 0;
}
