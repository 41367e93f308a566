// Time in which the program was stopped is none that it hangs: it comes to no
// site for longer than --hang says, but was stopped for most of that.
// RUN: %behaviour %s -o %t
// RUN: bash %S/Inputs/status 7 %hwckpt run --hang 2s -- %t
#include "behaviour.h"
#include <sys/wait.h>
int main(void) {
  int ends[2];
  char byte;
  pid_t program = getpid();
  __builtin_ckpt_poll();
  CHECK_EQUAL(pipe(ends), 0);
  pid_t other = fork();
  CHECK(other >= 0);
  if (!other) {
    CHECK_EQUAL(kill(program, SIGSTOP), 0);
    usleep(3000000);
    CHECK_EQUAL(kill(program, SIGCONT), 0);
    usleep(300000); /* the monitor looks, once or twice */
    _exit(write(ends[1], "x", 1) != 1);
  }
  CHECK_EQUAL(read(ends[0], &byte, 1), 1);
  __builtin_ckpt_poll();
  CHECK_EQUAL(waitpid(other, 0, 0), other);
  return 7;
}
